/* Writes safetensors files and folders, sound or hostile, for tests. */
#ifndef PRECIS_TESTS_FOLDER_BUILD_H
#define PRECIS_TESTS_FOLDER_BUILD_H

#include <jansson.h>

#include "base/buf.h"

/* A file of this header, whose data are `size` zeros. */
void put_raw(struct buf *b, const char *header, size_t size);
/* Of the tensors in `shapes` ({name: [dims]}), f32. Element i of all of them has the value i. */
void put_tensors(struct buf *b, const json_t *shapes);

/* FOLDER/name with these bytes; fails the test if that cannot be. */
void write_file(const char *folder, const char *name, const void *data, size_t size);
void remove_folder(const char *folder); /* with the files in it */

#endif
