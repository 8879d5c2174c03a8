/* Inside of tok_from_json: the components of a tokenizer.json. Each function fills in its part of
 * b->t and refuses by name what it does not know. `o` is the component (NULL or JSON null: none).
 */
#ifndef PRECIS_TEXT_TOK_JSON_H
#define PRECIS_TEXT_TOK_JSON_H

#include <jansson.h>

#include "text/tok_build.h"

int part_normaliser(struct builder *b, const json_t *o);
int part_pre_tokeniser(struct builder *b, const json_t *o);
int part_decoder(struct builder *b, const json_t *o);
int part_post_processor(struct builder *b, const json_t *o); /* once all ids are there */
int part_truncation(struct builder *b, const json_t *o);     /* after the post-processor */

/* The model: its tokens first; what it does with them once all tables are there. */
int part_model_tokens(struct builder *b, const json_t *o);
int part_model(struct builder *b, const json_t *o);

/* Members. where: the component, of messages. */
int part_flag(struct builder *b, const json_t *o, const char *where, const char *key, bool *out);
int part_flag_or(struct builder *b, const json_t *o, const char *where, const char *key,
                 bool otherwise, bool *out);
int part_text(struct builder *b, const json_t *o, const char *where, const char *key,
              struct str *out);
/* A string, or absent or null: s NULL. */
int part_text_or_none(struct builder *b, const json_t *o, const char *where, const char *key,
                      struct str *out);
int part_size(struct builder *b, const json_t *o, const char *where, const char *key, size_t most,
              size_t *out);
/* The "type" of a component; refuses one that has none. */
int part_kind(struct builder *b, const json_t *o, const char *where, const char **out);

#endif
