/*
 * openapi.h: the admin API's description, api/openapi.yaml, as JSON.
 */
#ifndef TG_OPENAPI_H
#define TG_OPENAPI_H

extern const char tg_openapi_json[];

#endif
