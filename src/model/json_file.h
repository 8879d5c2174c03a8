/* JSON files of models and tokenizers. */
#ifndef PRECIS_MODEL_JSON_FILE_H
#define PRECIS_MODEL_JSON_FILE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* The object in a file of at most `limit` bytes; flags: jansson's, for decoding. *out is the
 * caller's. Errors name the file: PRECIS_EIO, PRECIS_EINPUT (too large, no JSON, no object),
 * PRECIS_ENOMEM. */
int json_file_read(const char *path, size_t limit, size_t flags, json_t **out, struct err *e);

/* The same of any value. */
int json_file_any(const char *path, size_t limit, size_t flags, json_t **out, struct err *e);

/* json_file_read of folder/name; *out NULL: there is no such file (a link to nothing is
 * PRECIS_ENOTFOUND). */
int json_file_beside(const char *folder, const char *name, size_t limit, size_t flags, json_t **out,
                     struct err *e);

/* The ids that end a generation, in their order, each once, at most `most`: "eos_token_id" (an id
 * or a list) of generation_config.json, config.json and GenAI's genai_config.json (in "model") in
 * the folder, as far as those files are there. What is no id is passed over. Errors:
 * json_file_read's. */
int json_file_stops(const char *folder, uint32_t *ids, size_t most, size_t *n, struct err *e);

#endif
