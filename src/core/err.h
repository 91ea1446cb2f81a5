/*
 * err.h: the codes that core functions return.
 *
 * Core says nothing and logs nothing: it returns 0 or one of these, and the
 * program that called it knows the sentence to say.  Each code is separate
 * because a caller acts differently on it.
 */
#ifndef TG_ERR_H
#define TG_ERR_H

enum tg_err {
    TG_OK = 0,
    TG_ERR_NOT_FOUND = -1,  /* no such thing; not a fault */
    TG_ERR_FULL = -2,       /* a fixed-size table or buffer has no room */
    TG_ERR_FORMAT = -3,     /* the bytes are not what the format says */
    TG_ERR_RANGE = -4,      /* a number is too large, small, or overflows */
    TG_ERR_VERSION = -5,    /* a file of another version of this format */
    TG_ERR_CORRUPT = -6,    /* a checksum or an invariant does not hold */
    TG_ERR_SYSTEM = -7,     /* a system call failed; errno says which way */
    TG_ERR_BUSY = -8,       /* somebody else holds it */
    TG_ERR_DUPLICATE = -9,  /* it stands twice where it may stand once */
    TG_ERR_LIMIT = -10,     /* a limit on depth, length or count was hit */
    TG_ERR_CRYPTO = -11,    /* a seal does not open, or no randomness */
};

#endif
