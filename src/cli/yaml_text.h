/*
 * yaml_text.h: values of a policy as YAML, so that reading it gives them back.
 */
#ifndef TG_YAML_TEXT_H
#define TG_YAML_TEXT_H

#include <jansson.h>
#include <stdio.h>

/*
 * Writes a text as a YAML scalar on one line: plain where nobody can take it
 * for something else, else in double quotes, with what is no visible text, and
 * what would turn it, as escapes.
 */
void tg_yaml_put_text(FILE *out, const char *text);

/*
 * Writes an object as an item of a list: "  - name: …", its members beneath
 * each other, lists of texts in brackets.
 */
void tg_yaml_put_item(FILE *out, const json_t *object);

#endif
