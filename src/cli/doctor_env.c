#include "doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "args.h"
#include "envfile.h"
#include "key.h"
#include "own.h"
#include "suggest.h"
#include "unwrap.h"

#define MISSPELT_MAX 4 /* edits; more make it another name */

/* Those that are looked for when none is named, the first that is set. */
static const char *const names[] = {
    "OPENAI_API_KEY",       "DEEPSEEK_API_KEY", "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN", "TOLLGATE_API_KEY", "TOLLGATE_KEY",
};

#define NAMES (sizeof(names) / sizeof(names[0]))

/* The bytes of a file, NUL behind them; NULL and errno. */
static char *
read_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat about;
    char *text;
    ssize_t n;

    if (fd < 0)
        return NULL;
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode) ||
        about.st_size > TG_ENVFILE_MAX) {
        close(fd);
        errno = EINVAL;
        return NULL;
    }
    text = tg_own(calloc(1, (size_t)about.st_size + 1));
    n = read(fd, text, (size_t)about.st_size);
    close(fd);
    if (n >= 0)
        return text;
    free(text);
    return NULL;
}

static void
take_file(struct tg_doctor *doctor, const char *path, const char *shown)
{
    doctor->file_text = read_file(path);
    if (doctor->file_text != NULL || errno != ENOENT)
        doctor->file_path = tg_own(strdup(shown));
    if (doctor->file_text == NULL && errno != ENOENT)
        tg_report_add(&doctor->report, tg_found_file_unreadable, NULL, shown,
                      strerror(errno));
}

/* Whether a text is in UTF-16, told by its mark. */
static bool
is_wide(const char *text)
{
    return strncmp(text, "\xFF\xFE", 2) == 0 ||
           strncmp(text, "\xFE\xFF", 2) == 0;
}

/* The nearest .env: here, or in a folder above, as dotenv looks for it. */
static void
find_file(struct tg_doctor *doctor)
{
    char *folder = getcwd(NULL, 0), *path, *slash;
    bool is_here = true;

    while (folder != NULL && doctor->file_path == NULL) {
        if (asprintf(&path, "%s/.env", strcmp(folder, "/") == 0 ? "" : folder) <
            0)
            tg_own(NULL);
        take_file(doctor, path, is_here ? ".env" : path);
        free(path);
        is_here = false;
        slash = strrchr(folder, '/');
        if (slash == NULL || strcmp(folder, "/") == 0)
            break;
        slash[slash == folder ? 1 : 0] = '\0';
    }
    free(folder);
}

static void
open_file(struct tg_doctor *doctor)
{
    const char *path = tg_args_value(doctor->cli, "env-file");

    if (path == NULL)
        find_file(doctor);
    else
        take_file(doctor, path, path);
    if (path != NULL && doctor->file_path == NULL)
        tg_report_add(&doctor->report, tg_found_file_missing, NULL, path, NULL);
    if (doctor->file_text == NULL || !is_wide(doctor->file_text))
        return;
    tg_report_add(&doctor->report, tg_found_file_utf16, doctor->file_path, NULL,
                  NULL);
    free(doctor->file_text);
    doctor->file_text = NULL;
}

static void
look_in_file(const struct tg_doctor *doctor, const char *name,
             struct tg_doctor_file *file)
{
    const char *text = doctor->file_text != NULL ? doctor->file_text : "";

    tg_doctor_file_read((struct tg_str){text, strlen(text)}, name, file);
}

char *
tg_doctor_value(const struct tg_doctor *doctor, const char *name, char **from)
{
    const char *value = getenv(name);
    struct tg_doctor_file file;
    char *copy;
    int len;

    if (value != NULL && *value != '\0') {
        *from = tg_own(strdup(name));
        return tg_own(strdup(value));
    }
    look_in_file(doctor, name, &file);
    if (!tg_doctor_file_gives(&file) || file.value.len == 0)
        return NULL;
    len = asprintf(from, "%s (%s:%u)", name, doctor->file_path, file.line);
    copy = len < 0 ? NULL : strndup(file.value.data, file.value.len);
    return tg_own(copy);
}

/* The first name that is set, else the first that .env speaks of, or NULL. */
static const char *
choose_name(const struct tg_doctor *doctor)
{
    struct tg_doctor_file file;

    for (size_t i = 0; i < NAMES; i++) {
        if (getenv(names[i]) != NULL)
            return names[i];
    }
    for (size_t i = 0; i < NAMES; i++) {
        look_in_file(doctor, names[i], &file);
        if (file.line || file.commented || file.foreign || file.other_case)
            return names[i];
    }
    return NULL;
}

static bool
is_known(const char *name)
{
    for (size_t i = 0; i < NAMES; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

/* Whether a value is a key of anybody, by its looks. */
static bool
is_key(const char *value)
{
    struct tg_str inside = {value, strlen(value)};
    enum tg_diagnosis shape;

    tg_unwrap(&inside);
    shape = tg_key_diagnose(inside);
    return shape == TG_DIAGNOSIS_SOUND || shape == TG_DIAGNOSIS_SK_OTHER ||
           tg_provider_of_shape(shape) != NULL;
}

/*
 * A variable that is set to a key and nearly has this name; the caller's, or
 * NULL.
 */
static char *
find_misspelt(const char *name)
{
    char *best = NULL;
    size_t least = MISSPELT_MAX + 1;

    for (char **entry = environ; *entry != NULL; entry++) {
        size_t len = strcspn(*entry, "=");
        char *candidate = tg_own(strndup(*entry, len));
        struct tg_suggestion near;

        tg_suggest_init(&near, candidate);
        tg_suggest_try(&near, name);
        if (near.distance < least && (*entry)[len] == '=' &&
            is_key(*entry + len + 1) && !is_known(candidate) &&
            strncasecmp(candidate, name, 3) == 0) {
            free(best);
            best = tg_own(strdup(candidate));
            least = near.distance;
        }
        free(candidate);
    }
    return best;
}

/* Nothing gives the variable a value: is there one that was meant? */
static void
judge_unset(struct tg_doctor *doctor)
{
    char *misspelt = find_misspelt(doctor->name);

    if (misspelt == NULL) {
        tg_report_add(&doctor->report, tg_found_variable_unset, doctor->name,
                      NULL, NULL);
        return;
    }
    tg_report_add(&doctor->report, tg_found_variable_misspelt, doctor->name,
                  misspelt, NULL);
    doctor->key = tg_own(strdup(getenv(misspelt)));
    tg_report_hide(&doctor->report,
                   (struct tg_str){doctor->key, strlen(doctor->key)});
    free(misspelt);
}

static void
take_key(struct tg_doctor *doctor, struct tg_str value)
{
    if (value.len == 0)
        return;
    doctor->key = tg_own(strndup(value.data, value.len));
    tg_report_hide(&doctor->report,
                   (struct tg_str){doctor->key, strlen(doctor->key)});
}

static void
judge_variable(struct tg_doctor *doctor, const struct tg_doctor_file *file,
               const char *environment)
{
    struct tg_doctor_report *report = &doctor->report;
    char mask[TG_KEY_MASK_SIZE], line[12];
    struct tg_str inside = {environment,
                            environment != NULL ? strlen(environment) : 0};

    snprintf(line, sizeof(line), "%u", file->line);
    if (environment != NULL) {
        take_key(doctor, inside);
        tg_unwrap(&inside);
        tg_key_mask(inside, mask);
        tg_report_add(report,
                      doctor->key != NULL ? tg_found_variable_set
                                          : tg_found_variable_empty,
                      doctor->name, *mask != '\0' ? mask : "***", NULL);
    } else if (tg_doctor_file_gives(file)) {
        take_key(doctor, file->value);
        tg_report_add(report,
                      doctor->key != NULL ? tg_found_variable_only_in_file
                                          : tg_found_variable_empty,
                      doctor->name, doctor->file_path, line);
    } else {
        judge_unset(doctor);
        if (doctor->key == NULL && file->has_bom)
            take_key(doctor, file->value);
    }
}

/* What .env has besides, for the case that this key is refused. */
static void
keep_other(struct tg_doctor *doctor, const struct tg_doctor_file *file)
{
    struct tg_str key = {doctor->key, doctor->key ? strlen(doctor->key) : 0};

    if (!tg_doctor_file_gives(file) || file->value.len == 0 ||
        tg_str_eq(file->value, key))
        return;
    doctor->file_key = tg_own(strndup(file->value.data, file->value.len));
    tg_report_hide(&doctor->report,
                   (struct tg_str){doctor->file_key, file->value.len});
}

static void
name_none(struct tg_doctor *doctor)
{
    char *all = NULL;
    size_t size;
    FILE *out = tg_own(open_memstream(&all, &size));

    for (size_t i = 0; i < NAMES; i++)
        fprintf(out, "%s%s", i > 0 ? ", " : "", names[i]);
    if (fclose(out) != 0)
        tg_own(NULL);
    tg_report_add(&doctor->report, tg_found_variable_none, all, NULL, NULL);
    free(all);
}

/* Anthropic's clients send both of their variables. */
static void
find_beside(struct tg_doctor *doctor)
{
    char *from = NULL;

    if (strcmp(doctor->name, "ANTHROPIC_API_KEY") != 0)
        return;
    doctor->beside = tg_doctor_value(doctor, "ANTHROPIC_AUTH_TOKEN", &from);
    free(from);
    if (doctor->beside != NULL)
        tg_report_hide(&doctor->report,
                       (struct tg_str){doctor->beside, strlen(doctor->beside)});
}

void
tg_doctor_look_variable(struct tg_doctor *doctor)
{
    struct tg_doctor_file file;
    struct tg_doctor_row *wide;
    const char *environment;

    open_file(doctor);
    doctor->name = tg_args_value(doctor->cli, "key-env");
    if (doctor->name == NULL)
        doctor->name = choose_name(doctor);
    if (doctor->name == NULL) {
        name_none(doctor);
        return;
    }
    environment = getenv(doctor->name);
    wide = tg_report_find(&doctor->report, tg_found_file_utf16);
    /* What nobody needs from the file is no cause. */
    if (wide != NULL && environment != NULL)
        wide->status = TG_STATUS_WARNING;
    look_in_file(doctor, doctor->name, &file);
    judge_variable(doctor, &file, environment);
    keep_other(doctor, &file);
    if (doctor->file_text != NULL)
        tg_doctor_file_judge(&doctor->report, &file, doctor->name,
                             doctor->file_path, environment);
    else if (!tg_report_has(&doctor->report, TG_STEP_FILE))
        tg_report_add(&doctor->report, tg_found_file_none, NULL, NULL, NULL);
    find_beside(doctor);
}
