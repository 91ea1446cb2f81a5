/*
 * capacity.h: how much the catalog in the state file holds.
 */
#ifndef TG_CAPACITY_H
#define TG_CAPACITY_H

#define TG_CATALOG_MODELS 512
#define TG_CATALOG_UPSTREAMS 64
#define TG_CATALOG_CREDENTIALS 256
#define TG_CATALOG_HOLIDAYS 64
#define TG_MODEL_PRICES 4
#define TG_MODEL_UPSTREAMS 4
#define TG_UPSTREAM_ADDRESSES 8
#define TG_UPSTREAM_CREDENTIALS 16

#endif
