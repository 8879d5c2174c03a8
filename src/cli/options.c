#include "cli/options.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/distance.h"
#include "cli/args.h"
#include "cli/config.h"

bool list_add(struct list *l, const char *s) {
    /* one more than is held, for the NULL at the end */
    if (!array_grow((void **)&l->v, l->n + 1, &l->cap, sizeof *l->v))
        return false;
    l->v[l->n++] = s;
    l->v[l->n] = NULL;
    return true;
}

void args_free(struct args *a) {
    free(a->operands.v);
    free(a->include.v);
    free(a->ignore.v);
    free(a->stops.v);
}

static void *field(struct args *a, const struct option *o) {
    return (char *)a + o->offset;
}

bool option_takes_value(const struct option *o) {
    return o->type != OPTION_FLAG && o->type != OPTION_COUNT;
}

/* "--name VALUE" or "PRECIS_NAME=VALUE", as the user wrote it, begins every message. */
static int bad_value(struct err *e, const char *where, const char *value, const char *must) {
    return err_set(e, PRECIS_EUSAGE, "%s%s: must be %s", where, *value ? value : "\"\"", must);
}

void option_limit(const struct option *o, double v, char *out, size_t size) {
    if (o->type == OPTION_SIZE && v >= 1024 && fmod(v, 1024) == 0) {
        const char *unit = "KMGT";
        v /= 1024;
        while (unit[1] && fmod(v, 1024) == 0)
            v /= 1024, unit++;
        snprintf(out, size, "%.0f%c", v, *unit);
    } else if (o->type == OPTION_REAL) {
        snprintf(out, size, "%g", v);
    } else {
        snprintf(out, size, "%.0f", v);
    }
}

static int bad_range(struct err *e, const struct option *o, const char *where, const char *value) {
    const char *kind = o->type == OPTION_REAL   ? "a number"
                       : o->type == OPTION_SIZE ? "a size such as 512M or 4G"
                                                : "a whole number";
    char low[32], high[32], must[160];
    option_limit(o, o->min, low, sizeof low);
    option_limit(o, o->max, high, sizeof high);
    /* a value of the right kind needs only the range */
    bool whole = value[value[0] == '-' ? 1 : 0] && !value[strspn(value, "-0123456789")];
    char *end;
    strtod(value, &end);
    bool right_kind = o->type == OPTION_REAL ? end != value && *end == 0 : whole;
    char prefix[48] = "";
    if (!right_kind)
        snprintf(prefix, sizeof prefix, "%s ", kind);
    if (o->above_min)
        snprintf(must, sizeof must, "%sabove %s and at most %s", prefix, low, high);
    else if (o->max >= 0x1p63)
        snprintf(must, sizeof must, "%snot below %s", right_kind ? "" : prefix, low);
    else
        snprintf(must, sizeof must, "%sbetween %s and %s%s", prefix, low, high,
                 o->automatic ? ", or auto" : "");
    return bad_value(e, where, value, must);
}

static bool parse_number(const char *s, bool size, uint64_t *out) {
    if (!isdigit((unsigned char)s[0]))
        return false;
    char *end;
    errno = 0;
    unsigned long long v = strtoull(s, &end, 10);
    if (errno)
        return false;
    if (size && *end) {
        const char *units = "KMGT";
        const char *at = strchr(units, toupper((unsigned char)*end));
        if (!at)
            return false;
        int shift = 10 * (int)(at - units + 1);
        if (v > UINT64_MAX >> shift)
            return false;
        v <<= shift;
        end++;
        if (*end == 'i')
            end++;
        if (*end == 'B' || *end == 'b')
            end++;
    }
    *out = v;
    return *end == 0;
}

static bool in_range(const struct option *o, double v) {
    return v >= o->min && v <= o->max && !(o->above_min && v <= o->min); /* false for NaN */
}

static int store_choice(const struct option *o, const char *where, const char *value, int *out,
                        struct err *e) {
    char must[160] = "one of ";
    size_t n = strlen(must);
    for (int i = 0; o->choices[i]; i++) {
        if (strcmp(o->choices[i], value) == 0) {
            *out = i;
            return 0;
        }
        int wrote = snprintf(must + n, sizeof must - n, "%s%s", i ? ", " : "", o->choices[i]);
        if (wrote > 0 && (size_t)wrote < sizeof must - n)
            n += (size_t)wrote;
    }
    return bad_value(e, where, value, must);
}

static int store_flag(const char *where, const char *value, bool *out, struct err *e) {
    static const char *const yes[] = {"1", "true", "yes", "on"};
    static const char *const no[] = {"0", "false", "no", "off"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        if (strcmp(value, yes[i]) == 0 || strcmp(value, no[i]) == 0) {
            *out = strcmp(value, yes[i]) == 0;
            return 0;
        }
    }
    return bad_value(e, where, value, "1 or 0");
}

int option_store(const struct option *o, const char *where, const char *value, struct args *a,
                 struct err *e) {
    void *to = field(a, o);
    uint64_t number;
    char *end;
    double real;
    switch (o->type) {
    case OPTION_FLAG:
        return store_flag(where, value, to, e);
    case OPTION_COUNT:
        if (!parse_number(value, false, &number))
            return bad_value(e, where, value, "a whole number");
        memcpy(to, &number, sizeof number);
        return 0;
    case OPTION_TEXT:
        memcpy(to, &value, sizeof value);
        return 0;
    case OPTION_NUMBER:
    case OPTION_SIZE:
        number = OPTION_AUTO;
        if (o->automatic && strcmp(value, "auto") == 0)
            ;
        else if (!parse_number(value, o->type == OPTION_SIZE, &number) ||
                 !in_range(o, (double)number))
            return bad_range(e, o, where, value);
        memcpy(to, &number, sizeof number);
        return 0;
    case OPTION_REAL:
        real = strtod(value, &end);
        if (end == value || *end || isspace((unsigned char)value[0]) || !in_range(o, real))
            return bad_range(e, o, where, value);
        memcpy(to, &real, sizeof real);
        return 0;
    case OPTION_CHOICE:
        return store_choice(o, where, value, to, e);
    case OPTION_LIST:
        return list_add(to, value) ? 0 : err_nomem(e, "options");
    }
    return 0;
}

void option_variable(const struct option *o, char *out, size_t size) {
    int n = snprintf(out, size, "PRECIS_%s", o->name);
    for (char *p = out; n > 0 && *p; p++)
        *p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
}

/* Stores a value and tells whoever wants to know where it is from. */
static int store_from(const struct option *o, const struct options_from *from, const char *source,
                      const char *where, const char *value, struct args *a, struct err *e) {
    int rc = option_store(o, where, value, a, e);
    if (rc == 0 && from && from->said)
        from->said(from->user, o, value, source);
    return rc;
}

/* Lines of all commands, or of this one. */
static int values_of_file(const struct option *o, const struct options_from *from,
                          const struct config_file *f, const char *section, struct args *a,
                          struct err *e) {
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < f->n; i++) {
        const struct config_entry *x = &f->v[i];
        char source[600], where[700];
        if (strcmp(x->section, section) != 0 || strcmp(x->key, o->name) != 0)
            continue;
        snprintf(source, sizeof source, "%s:%u", f->path, x->line);
        snprintf(where, sizeof where, "%s: %s = ", source, x->key);
        rc = store_from(o, from, source, where, x->value, a, e);
    }
    return rc;
}

static int start_value(const struct command *c, const struct option *o,
                       const struct options_from *from, struct args *a, struct err *e) {
    char name[80], where[88];
    int rc = 0;
    if (o->fallback && o->type != OPTION_LIST)
        rc = store_from(o, from, "built in", "default ", o->fallback, a, e);
    if (o->typed)
        return rc;
    for (size_t i = 0; rc == 0 && from && from->files && i < from->files->n; i++) {
        rc = values_of_file(o, from, &from->files->v[i], "", a, e);
        if (rc == 0)
            rc = values_of_file(o, from, &from->files->v[i], c->name, a, e);
    }
    option_variable(o, name, sizeof name);
    const char *value = getenv(name);
    if (rc || !value || !*value)
        return rc;
    snprintf(where, sizeof where, "%s=", name);
    return store_from(o, from, name, where, value, a, e);
}

int options_values(const struct command *c, const struct options_from *from, struct args *a,
                   struct err *e) {
    int rc = 0;
    for (const struct option_group *const *g = c->groups; rc == 0 && *g; g++)
        for (const struct option *o = (*g)->options; rc == 0 && o->name; o++)
            rc = start_value(c, o, from, a, e);
    return rc;
}

static const struct option *find_option(const struct command *c, const char *name, size_t len,
                                        char letter) {
    for (const struct option_group *const *g = c->groups; *g; g++)
        for (const struct option *o = (*g)->options; o->name; o++)
            if (letter ? o->letter == letter
                       : strlen(o->name) == len && memcmp(o->name, name, len) == 0)
                return o;
    return NULL;
}

const struct option *option_find(const struct command *c, const char *name, size_t len) {
    return find_option(c, name, len, 0);
}

const char *options_nearest(const char *name, const char *const *names, size_t n) {
    const char *best = NULL;
    size_t best_distance = strlen(name) / 3 + 2;
    for (size_t i = 0; i < n; i++) {
        size_t d = distance_between(name, names[i]);
        bool prefix = strlen(name) >= 3 && strncmp(names[i], name, strlen(name)) == 0;
        if (prefix && d > 1)
            d = 1;
        if (d < best_distance) {
            best_distance = d;
            best = names[i];
        }
    }
    return best;
}

const char *option_nearest(const struct command *c, const char *name) {
    const char *names[128];
    size_t n = 0;
    for (const struct option_group *const *g = c->groups; *g; g++)
        for (const struct option *o = (*g)->options; o->name && n < 128; o++)
            names[n++] = o->name;
    return options_nearest(name, names, n);
}

const char *command_nearest(const struct command *const *all, const char *name) {
    const char *names[128];
    size_t n = 0;
    for (; all[n] && n < 128; n++)
        names[n] = all[n]->name;
    return options_nearest(name, names, n);
}

static int unknown_option(const struct command *c, const char *arg, struct err *e) {
    char name[80];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(arg + 2, "="), arg + 2);
    const char *near = option_nearest(c, name);
    if (near)
        return err_set(e, PRECIS_EUSAGE, "unknown option --%s (did you mean --%s?)", name, near);
    return err_set(e, PRECIS_EUSAGE, "unknown option --%s (see precis %s --help)", name, c->name);
}

static void set_plain(const struct option *o, struct args *a) {
    if (o->type == OPTION_FLAG)
        *(bool *)field(a, o) = true;
    else
        ++*(uint64_t *)field(a, o);
}

/* One "--name", "--name=value" or "--name value". *i stays on the last argument used. */
static int parse_long(const struct command *c, int argc, char **argv, int *i, struct args *a,
                      struct err *e) {
    const char *arg = argv[*i];
    const char *name = arg + 2;
    const char *equals = strchr(name, '=');
    size_t len = equals ? (size_t)(equals - name) : strlen(name);
    const struct option *o = find_option(c, name, len, 0);
    if (!o)
        return unknown_option(c, arg, e);
    if (!option_takes_value(o)) {
        if (equals && o->typed)
            return err_set(e, PRECIS_EUSAGE, "--%s: takes no value", o->name);
        if (!equals) {
            set_plain(o, a);
            return 0;
        }
    }
    if (!equals && *i + 1 >= argc)
        return err_set(e, PRECIS_EUSAGE, "--%s: needs a value (%s)", o->name, o->argument);
    const char *value = equals ? equals + 1 : argv[++*i];
    char where[80];
    snprintf(where, sizeof where, "--%s ", o->name);
    return option_store(o, where, value, a, e);
}

/* One argument of single letters: "-q", "-vv", "-oFILE", "-o FILE". */
static int parse_letters(const struct command *c, int argc, char **argv, int *i, struct args *a,
                         struct err *e) {
    for (const char *p = argv[*i] + 1; *p; p++) {
        const struct option *o = find_option(c, NULL, 0, *p);
        if (!o)
            return err_set(e, PRECIS_EUSAGE, "unknown option -%c (see precis %s --help)", *p,
                           c->name);
        if (!option_takes_value(o)) {
            set_plain(o, a);
            continue;
        }
        if (!p[1] && *i + 1 >= argc)
            return err_set(e, PRECIS_EUSAGE, "-%c: needs a value (%s)", *p, o->argument);
        char where[8];
        snprintf(where, sizeof where, "-%c ", *p);
        return option_store(o, where, p[1] ? p + 1 : argv[++*i], a, e);
    }
    return 0;
}

int options_lack_operand(const struct command *c, struct err *e) {
    return err_set(e, PRECIS_EUSAGE, "%s: needs %s (see precis %s --help)", c->name, c->operands,
                   c->name);
}

int options_parse(const struct command *c, const struct options_from *from, int argc, char **argv,
                  struct args *a, struct err *e) {
    int rc = options_values(c, from, a, e);
    bool ended = false;
    for (int i = 0; rc == 0 && i < argc; i++) {
        const char *arg = argv[i];
        if (!ended && strcmp(arg, "--") == 0)
            ended = true;
        else if (!ended && arg[0] == '-' && arg[1] == '-')
            rc = parse_long(c, argc, argv, &i, a, e);
        else if (!ended && arg[0] == '-' && arg[1])
            rc = parse_letters(c, argc, argv, &i, a, e);
        else if (!c->operands)
            rc = err_set(e, PRECIS_EUSAGE, "%s: unexpected argument (see precis %s --help)", arg,
                         c->name);
        else if (!list_add(&a->operands, arg))
            rc = err_nomem(e, "options");
    }
    if (rc == 0 && c->needs_operand && a->operands.n == 0 && !a->help && !a->version)
        rc = options_lack_operand(c, e);
    return rc;
}
