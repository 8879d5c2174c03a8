#include "model/hub_http.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/pool.h"
#include "model/hub_name.h"

static const char HUB[] = "https://huggingface.co";
enum {
    MOST_REDIRECTS = 8,
    MOST_HEADERS = 64 << 10,
    MOST_PAGE = 256 << 10,
    LEAST_SPEED = 1024,
    MOST_WAIT = 120
};

struct hub_http {
    CURL *curl;
    struct hub_http_options o;
    char endpoint[1024];
    char token[512];
    char error[CURL_ERROR_SIZE];
    struct rng rng;
    bool reached; /* an answer has come: what fails later may pass */
};

/* One exchange, of perhaps several in a chain of redirects. */
struct exchange {
    struct hub_http *h;
    const struct hub_request *q;
    struct hub_reply *r;
    struct err *e;
    size_t headers, page; /* bytes of headers; of a body that nobody wants */
    bool first;           /* of the chain */
    bool started;         /* on_start was called */
    bool body;            /* a byte of the body has come: what looks like a header is a trailer */
    int rc;               /* why it was broken off */
};

static int set_endpoint(struct hub_http *h, struct err *e) {
    const char *value = getenv("HF_ENDPOINT");
    if (!value || !*value)
        value = HUB;
    size_t n = strlen(value);
    while (n && value[n - 1] == '/')
        n--;
    bool scheme = strncmp(value, "https://", 8) == 0 || strncmp(value, "http://", 7) == 0;
    bool plain = true;
    for (size_t i = 0; i < n; i++)
        plain &= (unsigned char)value[i] > 0x20 && (unsigned char)value[i] < 0x7f;
    if (!scheme || !plain || n >= sizeof h->endpoint || strpbrk(value, "?#@"))
        return err_set(e, PRECIS_EINPUT, "HF_ENDPOINT: '%s' is no http:// or https:// address",
                       value);
    memcpy(h->endpoint, value, n);
    h->endpoint[n] = 0;
    return 0;
}

/* The text of the file that `huggingface-cli login` writes; none is no error. */
static void read_token(struct buf *out) {
    char path[4096];
    const char *file = getenv("HF_TOKEN_PATH"), *home = getenv("HF_HOME"), *user = getenv("HOME");
    const char *cache = getenv("XDG_CACHE_HOME");
    int n;
    if (file && *file)
        n = snprintf(path, sizeof path, "%s", file);
    else if (home && *home)
        n = snprintf(path, sizeof path, "%s/token", home);
    else if (cache && *cache == '/')
        n = snprintf(path, sizeof path, "%s/huggingface/token", cache);
    else
        n = user ? snprintf(path, sizeof path, "%s/.cache/huggingface/token", user) : -1;
    struct mapping m;
    if (n < 0 || (size_t)n >= sizeof path || file_map(path, &m, NULL) != 0)
        return;
    if (m.size < 512)
        buf_append(out, m.data, m.size);
    file_unmap(&m);
}

static int set_token(struct hub_http *h, struct err *e) {
    struct buf text = {0};
    const char *value = getenv("HF_TOKEN");
    if (!value || !*value)
        value = getenv("HUGGING_FACE_HUB_TOKEN");
    if (value && *value)
        buf_str(&text, value);
    else
        read_token(&text);
    const char *s = text.data ? text.data : "";
    while (isspace((unsigned char)*s))
        s++;
    size_t n = strlen(s);
    while (n && isspace((unsigned char)s[n - 1]))
        n--;
    int rc = buf_failed(&text) ? err_nomem(e, "token") : 0;
    if (rc == 0 && n >= sizeof h->token)
        rc = err_set(e, PRECIS_EINPUT, "HF_TOKEN: is too long");
    for (size_t i = 0; rc == 0 && i < n; i++)
        if ((unsigned char)s[i] <= 0x20 || (unsigned char)s[i] >= 0x7f)
            rc = err_set(e, PRECIS_EINPUT, "HF_TOKEN: has a character that no token has");
    if (rc == 0) {
        memcpy(h->token, s, n);
        h->token[n] = 0;
    }
    buf_free(&text);
    return rc;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void start_curl(void) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

int hub_http_open(const struct hub_http_options *o, struct hub_http **out, struct err *e) {
    *out = NULL;
    pthread_once(&once, start_curl);
    struct hub_http *h = calloc(1, sizeof *h);
    if (!h)
        return err_nomem(e, "the hub");
    h->o = *o;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    h->rng.state = hash_mix((uint64_t)now.tv_nsec, (uint64_t)getpid());
    h->curl = curl_easy_init();
    int rc = h->curl ? set_endpoint(h, e) : err_nomem(e, "libcurl");
    if (rc == 0)
        rc = set_token(h, e);
    if (rc)
        hub_http_close(h);
    else
        *out = h;
    return rc;
}

void hub_http_close(struct hub_http *h) {
    if (!h)
        return;
    if (h->curl)
        curl_easy_cleanup(h->curl);
    memset(h->token, 0, sizeof h->token);
    free(h);
}

static bool stopped(const struct hub_http *h) {
    return h->o.stop && h->o.stop(h->o.user);
}

/* A decimal number, at most 2^50; -1: it is none. */
static int64_t number(const char *s, size_t n) {
    int64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isdigit((unsigned char)s[i]) || v > (int64_t)1 << 46)
            return -1;
        v = v * 10 + (s[i] - '0');
    }
    return n ? v : -1;
}

/* W/"abc" and "abc" become abc. */
static void set_etag(char *out, size_t size, const char *s, size_t n) {
    if (n >= 2 && strncmp(s, "W/", 2) == 0)
        s += 2, n -= 2;
    if (n >= 2 && s[0] == '"' && s[n - 1] == '"')
        s++, n -= 2;
    if (n < size) {
        memcpy(out, s, n);
        out[n] = 0;
    }
}

static void set_text(char *out, size_t size, const char *s, size_t n) {
    if (n >= size)
        n = size - 1;
    memcpy(out, s, n);
    out[n] = 0;
}

/* "bytes 5-9/10" */
static void set_range(struct hub_reply *r, const char *s, size_t n) {
    char text[96];
    set_text(text, sizeof text, s, n);
    const char *p = strncmp(text, "bytes ", 6) == 0 ? text + 6 : "";
    const char *slash = strchr(p, '/');
    r->range_start = number(p, strcspn(p, "-"));
    r->range_total = slash ? number(slash + 1, strlen(slash + 1)) : -1;
}

static void set_header(struct exchange *x, const char *name, size_t name_len, const char *v,
                       size_t n) {
    struct hub_reply *r = x->r;
#define IS(text) (name_len == sizeof(text) - 1 && strncasecmp(name, text, name_len) == 0)
    if (IS("content-length"))
        r->length = number(v, n);
    else if (IS("content-range"))
        set_range(r, v, n);
    else if (IS("retry-after"))
        r->retry_after = (double)(number(v, n) > 0 ? number(v, n) : 0);
    else if (IS("x-error-message"))
        set_text(r->message, sizeof r->message, v, n);
    else if (IS("x-linked-etag") && !r->linked_etag[0])
        set_etag(r->linked_etag, sizeof r->linked_etag, v, n);
    else if (IS("x-linked-size") && r->linked_size < 0)
        r->linked_size = number(v, n);
    else if (IS("x-repo-commit") && !r->commit[0] && n < sizeof r->commit)
        set_text(r->commit, sizeof r->commit, v, n);
    else if (IS("etag")) {
        r->etag[0] = 0;
        set_etag(r->etag, sizeof r->etag, v, n);
        r->etag_raw[0] = 0;
        if (n < sizeof r->etag_raw)
            set_text(r->etag_raw, sizeof r->etag_raw, v, n);
    }
#undef IS
}

static size_t on_header(char *data, size_t size, size_t n, void *user) {
    struct exchange *x = user;
    (void)size;
    x->headers += n;
    if (x->headers > MOST_HEADERS) {
        x->rc = err_set(x->e, PRECIS_EINPUT, "%s: the server's headers have no end", x->q->path);
        return 0;
    }
    if (x->body)
        return n;
    if (n >= 5 && strncmp(data, "HTTP/", 5) == 0) { /* after a 1xx there is another */
        x->r->length = x->r->range_start = x->r->range_total = -1;
        x->r->retry_after = 0;
        x->r->etag[0] = x->r->etag_raw[0] = 0;
        return n;
    }
    const char *colon = memchr(data, ':', n), *end = data + n;
    if (!colon)
        return n;
    const char *v = colon + 1;
    while (v < end && isspace((unsigned char)*v))
        v++;
    while (end > v && isspace((unsigned char)end[-1]))
        end--;
    set_header(x, data, (size_t)(colon - data), v, (size_t)(end - v));
    return n;
}

static int start(struct exchange *x) {
    x->started = true;
    return x->q->on_start ? x->q->on_start(x->q->user, x->r, x->e) : 0;
}

static size_t on_body(char *data, size_t size, size_t n, void *user) {
    struct exchange *x = user;
    (void)size;
    long status = 0;
    curl_easy_getinfo(x->h->curl, CURLINFO_RESPONSE_CODE, &status);
    x->r->status = (int)status;
    x->body = true;
    if (status != 200 && status != 206) { /* a page for people */
        x->page += n;
        return x->page > MOST_PAGE ? CURL_WRITEFUNC_ERROR : n;
    }
    if (!x->started)
        x->rc = start(x);
    if (x->rc == 0 && n)
        x->rc = x->q->on_data(x->q->user, data, n, x->e);
    return x->rc ? CURL_WRITEFUNC_ERROR : n;
}

static int on_time(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    (void)a, (void)b, (void)c, (void)d;
    return stopped(((struct exchange *)user)->h);
}

static bool has_prefix(const char *s, const char *prefix) {
    return strncasecmp(s, prefix, strlen(prefix)) == 0;
}

/* Scheme, host and port are those of the endpoint: only then the token is sent. Written to err on
 * the side of another host. */
static bool same_origin(const struct hub_http *h, const char *url) {
    size_t n = (size_t)(strstr(h->endpoint, "://") - h->endpoint) + 3;
    n += strcspn(h->endpoint + n, "/");
    return strncasecmp(url, h->endpoint, n) == 0 && (url[n] == '/' || !url[n] || url[n] == '?');
}

static bool add_header(struct curl_slist **list, const char *text) {
    struct curl_slist *more = curl_slist_append(*list, text);
    if (more)
        *list = more;
    return more != NULL;
}

static bool make_headers(const struct exchange *x, const char *url, struct curl_slist **out) {
    char line[1024];
    bool ok = add_header(out, "Accept-Encoding: identity");
    if (x->h->token[0] && same_origin(x->h, url)) {
        snprintf(line, sizeof line, "Authorization: Bearer %s", x->h->token);
        ok &= add_header(out, line);
        memset(line, 0, sizeof line);
    }
    if (x->q->from) {
        snprintf(line, sizeof line, "Range: bytes=%llu-", (unsigned long long)x->q->from);
        ok &= add_header(out, line);
    }
    if (x->q->from && x->q->if_range && x->q->if_range[0] == '"') { /* strong ones only */
        snprintf(line, sizeof line, "If-Range: %s", x->q->if_range);
        ok &= add_header(out, line);
    }
    return ok;
}

static void set_options(struct exchange *x, const char *url, struct curl_slist *headers) {
    CURL *c = x->h->curl;
    long timeout = (long)(x->h->o.timeout * 1000);
    curl_easy_reset(c);
    x->h->error[0] = 0;
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, x->h->error);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "precis/" PRECIS_VERSION);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(c, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, timeout);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)LEAST_SPEED);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, timeout < 1000 ? 1L : timeout / 1000);
    curl_easy_setopt(c, CURLOPT_BUFFERSIZE, 512L << 10);
    curl_easy_setopt(c, CURLOPT_NOBODY, x->q->head ? 1L : 0L);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_time);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, x);
    static const char *const bundles[] = {"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"};
    for (size_t i = 0; i < sizeof bundles / sizeof *bundles; i++) {
        const char *file = getenv(bundles[i]);
        if (file && *file) {
            curl_easy_setopt(c, CURLOPT_CAINFO, file);
            break;
        }
    }
}

static bool is_transient(const struct hub_http *h, CURLcode code) {
    switch (code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
        return h->reached; /* else there is no network */
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return true;
    default:
        return false;
    }
}

static int status_error(const struct hub_request *q, const struct hub_reply *r, bool *transient,
                        struct err *e) {
    const char *said = r->message[0] ? r->message : NULL;
    const char *dash = said ? ": " : "";
    said = said ? said : "";
    *transient = r->status == 408 || r->status == 429 || r->status >= 500;
    if (*transient)
        return err_set(e, PRECIS_EIO, "%s: the hub is not well: status %d%s%s", q->path, r->status,
                       dash, said);
    if (r->status == 401 || r->status == 403)
        return err_set(e, PRECIS_EINPUT,
                       "%s: the hub refuses (status %d%s%s): there is no such repository, or it "
                       "wants a token (HF_TOKEN) of someone who accepted its terms",
                       q->path, r->status, dash, said);
    if (r->status == 404)
        return err_set(e, PRECIS_ENOTFOUND, "%s: the hub has no such thing%s%s", q->path, dash,
                       said);
    return err_set(e, PRECIS_EINPUT, "%s: the hub answers with status %d%s%s", q->path, r->status,
                   dash, said);
}

/* One request to one address. *next: where it sends us, owned by curl until its next transfer. */
static int perform(struct exchange *x, const char *url, const char **next, bool *transient) {
    struct curl_slist *headers = NULL;
    *next = NULL;
    *transient = false;
    x->headers = x->page = 0;
    x->body = x->started = false;
    x->rc = 0;
    if (!make_headers(x, url, &headers)) {
        curl_slist_free_all(headers);
        return err_nomem(x->e, "libcurl");
    }
    set_options(x, url, headers);
    CURLcode code = curl_easy_perform(x->h->curl);
    long status = 0;
    char *to = NULL;
    curl_easy_getinfo(x->h->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(x->h->curl, CURLINFO_REDIRECT_URL, &to);
    curl_slist_free_all(headers);
    x->r->status = (int)status;
    if (x->rc)
        return x->rc;
    if (stopped(x->h))
        return err_set(x->e, PRECIS_ECANCELLED, "%s: cancelled", x->q->path);
    bool heard = x->body && status != 200 && status != 206; /* broken off by on_body */
    if (code != CURLE_OK && !heard) {
        *transient = is_transient(x->h, code);
        return err_set(x->e, PRECIS_EIO, "%s%s: %s", x->h->endpoint, x->q->path,
                       x->h->error[0] ? x->h->error : curl_easy_strerror(code));
    }
    x->h->reached = true;
    if (status >= 300 && status < 400 && to) {
        *next = to;
        return 0;
    }
    if (status != 200 && status != 206)
        return status_error(x->q, x->r, transient, x->e);
    return x->started || x->q->head ? 0 : start(x);
}

int hub_http_once(struct hub_http *h, const struct hub_request *q, struct hub_reply *r,
                  bool *transient, struct err *e) {
    *r = (struct hub_reply){.length = -1, .linked_size = -1, .range_start = -1, .range_total = -1};
    struct exchange x = {.h = h, .q = q, .r = r, .e = e};
    struct buf url = {0};
    buf_printf(&url, "%s%s", h->endpoint, q->path);
    *transient = false;
    for (int hop = 0; !buf_failed(&url); hop++) {
        const char *next;
        int rc = perform(&x, url.data, &next, transient);
        bool down = next && has_prefix(url.data, "https:") && !has_prefix(next, "https:");
        if (rc == 0 && down)
            rc = err_set(e, PRECIS_EINPUT, "%s: is redirected from https to %s", q->path, next);
        else if (rc == 0 && next && hop == MOST_REDIRECTS)
            rc = err_set(e, PRECIS_EINPUT, "%s: is redirected without end", q->path);
        /* the head of a large file is the hub's own answer, not that of the host it is on */
        if (rc || !next || (q->head && !same_origin(h, next))) {
            buf_free(&url);
            return rc;
        }
        struct buf to = {0};
        buf_str(&to, next);
        buf_free(&url);
        url = to;
    }
    buf_free(&url);
    return err_nomem(e, q->path);
}

bool hub_http_again(struct hub_http *h, struct hub_tries *t, double retry_after, struct err *e) {
    if (t->failed >= h->o.retries)
        return false;
    double wait = h->o.retry_delay * (0.5 + rng_uniform(&h->rng));
    for (int i = 0; i < t->failed && wait < MOST_WAIT; i++)
        wait *= 2;
    if (retry_after > wait)
        wait = retry_after;
    if (wait > MOST_WAIT)
        wait = MOST_WAIT;
    t->failed++;
    if (h->o.note) {
        char line[640];
        snprintf(line, sizeof line, "%s; trying again in %.1f s (%d of %d)", e->text, wait,
                 t->failed, h->o.retries);
        h->o.note(h->o.user, line);
    }
    double until = clock_seconds() + wait, left = wait;
    while (left > 0) {
        if (stopped(h)) {
            err_set(e, PRECIS_ECANCELLED, "cancelled while waiting for the hub");
            return false;
        }
        double step = left < 0.05 ? left : 0.05;
        nanosleep(&(struct timespec){.tv_nsec = (long)(step * 1e9)}, NULL);
        left = until - clock_seconds();
    }
    return true;
}
