/* Writes safetensors files, sound or hostile, for tests. */
#ifndef PRECIS_TESTS_SAFETENSORS_BUILD_H
#define PRECIS_TESTS_SAFETENSORS_BUILD_H

#include <jansson.h>

#include "base/buf.h"

/* A file of this header, whose data are `size` zeros. */
void put_raw(struct buf *b, const char *header, size_t size);
/* Of the tensors in `shapes` ({name: [dims]}), f32. Element i of all of them has the value i. */
void put_tensors(struct buf *b, const json_t *shapes);

#endif
