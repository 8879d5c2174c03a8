/* The tokenizer of a model, wherever that keeps it. */
#ifndef PRECIS_TEXT_TOK_OPEN_H
#define PRECIS_TEXT_TOK_OPEN_H

#include "model/checkpoint.h"
#include "text/tok.h"

/* The folder that holds `file` ("tokenizer.json", "modules.json") of a model that is a folder or a
 * file in one: that folder, or where it has none and is called onnx, the one around it. *there:
 * whether it is in `dir`, which is set either way. Errors: file_exists'. */
int tok_folder(const char *model, const char *file, char *dir, size_t size, bool *there,
               struct err *e);

/* The tokenizer of the model at this path (see model/kind.h): from the GGUF's metadata (c, if not
 * NULL, is the model opened), or from the tokenizer.json of tok_folder. if_any: *out is NULL where
 * there is none. Errors: PRECIS_ENOTFOUND (none is there), PRECIS_EINPUT (path too long),
 * model_kind_of's, tok_from_gguf's and tok_from_json's. */
int tok_open(const char *path, const struct checkpoint *c, bool if_any, struct tok **out,
             struct err *e);

#endif
