/* JSON by hand: the files of an export are read by people, too. */
#ifndef PRECIS_EXPORT_JSON_TEXT_H
#define PRECIS_EXPORT_JSON_TEXT_H

#include "base/buf.h"
#include "model/tensor.h"

/* A string with its quotes; ill-formed UTF-8 becomes U+FFFD. */
void json_text_string(struct buf *b, struct str s);

#endif
