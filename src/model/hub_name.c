#include "model/hub_name.h"

#include <string.h>

#include "base/utf8.h"

static const char PLAIN[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
static const char NAME[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

bool hub_is_name(const char *text) {
    return strncmp(text, "hf:", 3) == 0;
}

/* As huggingface_hub's validate_repo_id: one or two parts, no "--" or "..", none that begins or
 * ends with '-' or '.'. */
static bool repo_ok(const char *repo) {
    const char *slash = strchr(repo, '/');
    if (strstr(repo, "--") || strstr(repo, "..") || (slash && strchr(slash + 1, '/')))
        return false;
    for (const char *part = repo; part; part = *part == '/' ? part + 1 : NULL) {
        size_t n = strspn(part, NAME);
        if (n == 0 || (part[n] && part[n] != '/') || strchr(".-", part[0]) ||
            strchr(".-", part[n - 1]))
            return false;
        part += n;
        if (!*part)
            break;
    }
    return repo[strlen(repo) - 1] != '/';
}

bool hub_path_ok(const char *path) {
    size_t len = strlen(path);
    if (len == 0 || len >= HUB_PATH_SIZE || !utf8_valid(path, len))
        return false;
    for (const unsigned char *p = (const unsigned char *)path; *p; p++)
        if (*p < 0x20 || *p == 0x7f || *p == '\\')
            return false;
    for (const char *part = path; part;) {
        size_t n = strcspn(part, "/");
        if (n == 0 || n > 255 || (n <= 2 && strspn(part, ".") >= n))
            return false;
        part = part[n] ? part + n + 1 : NULL;
    }
    return true;
}

bool hub_is_commit(const char *s) {
    size_t n = strspn(s, "0123456789abcdef");
    return (n == 40 || n == 64) && !s[n];
}

bool hub_blob_ok(const char *s) {
    size_t n = strspn(s, NAME);
    return n >= 1 && n <= 128 && !s[n] && strchr(PLAIN, s[0]);
}

static bool revision_ok(const char *s) {
    size_t n = strlen(s);
    for (size_t i = 0; i < n; i++)
        if (s[i] != '/' && !strchr(NAME, s[i]))
            return false;
    return hub_path_ok(s);
}

static bool take(char *out, size_t size, const char *s, size_t n) {
    if (n == 0 || n >= size)
        return false;
    memcpy(out, s, n);
    out[n] = 0;
    return true;
}

int hub_name_parse(const char *text, struct hub_name *out, struct err *e) {
    *out = (struct hub_name){.revision = "main"};
    const char *s = hub_is_name(text) ? text + 3 : text;
    const char *at = strrchr(s, '@');
    size_t len = at ? (size_t)(at - s) : strlen(s), repo = strcspn(s, ":@");
    bool ok = take(out->repo, sizeof out->repo, s, repo) && repo_ok(out->repo);
    if (!ok)
        return err_set(e, PRECIS_EINPUT, "%s: is no name of a repository: hf:org/name", text);
    if (s[repo] == ':' &&
        (repo + 1 > len || !take(out->pattern, sizeof out->pattern, s + repo + 1, len - repo - 1)))
        return err_set(e, PRECIS_EINPUT, "%s: no file after ':', or one too long", text);
    if (at && (!take(out->revision, sizeof out->revision, at + 1, strlen(at + 1)) ||
               !revision_ok(out->revision)))
        return err_set(e, PRECIS_EINPUT, "%s: '%s' is no name of a revision", text, at + 1);
    out->has_revision = at != NULL;
    return 0;
}

void hub_encode(struct buf *out, const char *s, const char *keep) {
    static const char hex[] = "0123456789ABCDEF";
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (strchr(NAME, *s) || *s == '~' || strchr(keep, *s)) {
            buf_char(out, *s);
        } else {
            buf_char(out, '%');
            buf_char(out, hex[c >> 4]);
            buf_char(out, hex[c & 15]);
        }
    }
}
