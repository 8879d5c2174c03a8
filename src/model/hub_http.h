/* Requests to the hub: redirects, tokens, time limits, retries. Over libcurl. */
#ifndef PRECIS_MODEL_HUB_HTTP_H
#define PRECIS_MODEL_HUB_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/rng.h"

struct hub_http;

struct hub_http_options {
    double timeout;           /* seconds for a connection, and with less than 1 KB a second */
    int retries;              /* after a failure that may pass, without progress between */
    double retry_delay;       /* seconds before the first, doubled each time, times 0.5 .. 1.5 */
    bool (*stop)(void *user); /* polled while waiting; may be NULL */
    void (*note)(void *user, const char *line); /* what is waited for; may be NULL */
    void *user;
};

/* $HF_ENDPOINT, else the hub's own address; $HF_TOKEN, $HUGGING_FACE_HUB_TOKEN, or the text of
 * $HF_TOKEN_PATH or $HF_HOME/token; certificates of $SSL_CERT_FILE, $REQUESTS_CA_BUNDLE or
 * $CURL_CA_BUNDLE, else the system's; proxies as libcurl reads them. *o is copied. Errors:
 * PRECIS_EINPUT (an endpoint or token that cannot be), PRECIS_ENOMEM. */
int hub_http_open(const struct hub_http_options *o, struct hub_http **out, struct err *e);
void hub_http_close(struct hub_http *h); /* NULL is fine */

struct hub_reply {
    int status;
    int64_t length;                   /* Content-Length; -1: none */
    int64_t linked_size;              /* X-Linked-Size of the first answer; -1: none */
    int64_t range_start, range_total; /* of Content-Range; -1: none or unknown */
    char etag[160], linked_etag[160]; /* without W/ and quotes; "": none or too long */
    char etag_raw[170];               /* of the last answer as it was sent */
    char commit[65];                  /* X-Repo-Commit of the first answer */
    double retry_after;               /* seconds; 0: not said */
    char message[200];                /* X-Error-Message */
};

struct hub_request {
    const char *path;     /* below the endpoint, encoded, with its first '/' */
    bool head;            /* only headers; redirects to other hosts are not followed */
    uint64_t from;        /* bytes before it are not wanted; 0: all */
    const char *if_range; /* an ETag that `from` presupposes; NULL: none */
    /* Before the first byte of a body with status 200 or 206, and after an empty one. */
    int (*on_start)(void *user, const struct hub_reply *r, struct err *e);
    int (*on_data)(void *user, const void *data, size_t n, struct err *e);
    void *user;
};

/* One attempt. *transient says of an error whether another may help. Errors: those of the
 * callbacks; PRECIS_EIO (the connection, a status of 5xx, 408, 429), PRECIS_ENOTFOUND (404),
 * PRECIS_EINPUT (other statuses; redirects without end or from https to http; headers beyond
 * 64 KB), PRECIS_ECANCELLED. */
int hub_http_once(struct hub_http *h, const struct hub_request *q, struct hub_reply *r,
                  bool *transient, struct err *e);

/* Attempts of one thing; zeroed at first. */
struct hub_tries {
    int failed;
};
/* After a failure that may pass: waits as long as it should, and says whether to try again. What *e
 * says is told to `note`. When it is interrupted, *e becomes PRECIS_ECANCELLED. */
bool hub_http_again(struct hub_http *h, struct hub_tries *t, double retry_after, struct err *e);

#endif
