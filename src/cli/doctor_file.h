/*
 * doctor_file.h: what a .env file has of a variable, and what readers of such
 * files make of it.
 */
#ifndef TG_DOCTOR_FILE_H
#define TG_DOCTOR_FILE_H

#include "doctor_report.h"

struct tg_doctor_file {
    unsigned line;       /* that sets it, the last one; 0: none does */
    unsigned count;      /* of such lines */
    unsigned commented;  /* line in which it is commented out; 0: none */
    unsigned foreign;    /* that sets it as another language does */
    unsigned other_case; /* that sets it with other capitals */
    bool has_bom;        /* in front of the name */
    bool has_cr;         /* at the line's end */
    bool has_spaces;     /* around the '=' */
    bool has_export;
    bool has_quotes;
    bool has_comment;    /* behind the value */
    bool is_broken;      /* a quote that is not closed, or more behind it */
    struct tg_str raw;   /* behind the '=' to the LF, as it stands there */
    struct tg_str value; /* as dotenv reads it; empty when is_broken */
};

/* Looks for a variable; what is found points into text.  Any bytes. */
void tg_doctor_file_read(struct tg_str text, const char *name,
                         struct tg_doctor_file *file);

/* Whether programs that load the file have the variable of it. */
bool tg_doctor_file_gives(const struct tg_doctor_file *file);

/*
 * Says what is to be said of it, beside the environment's value (NULL: not
 * set).  path is the file as people know it.
 */
void tg_doctor_file_judge(struct tg_doctor_report *report,
                          const struct tg_doctor_file *file, const char *name,
                          const char *path, const char *environment);

#endif
