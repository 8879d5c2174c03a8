#include "safetensors_build.h"

#include <stdint.h>
#include <string.h>

void put_raw(struct buf *b, const char *header, size_t size) {
    const uint64_t n = strlen(header);
    buf_append(b, &n, sizeof n);
    buf_str(b, header);
    for (size_t i = 0; i < size; i++)
        buf_char(b, 0);
}

void put_tensors(struct buf *b, const json_t *shapes) {
    struct buf header = {0};
    const char *name;
    json_t *shape;
    size_t at = 0;
    json_object_foreach((json_t *)(uintptr_t)shapes, name, shape) {
        size_t elements = 1;
        buf_printf(&header, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[", at ? "," : "{", name);
        for (size_t i = 0; i < json_array_size(shape); i++) {
            const size_t d = (size_t)json_integer_value(json_array_get(shape, i));
            buf_printf(&header, "%s%zu", i ? "," : "", d);
            elements *= d;
        }
        buf_printf(&header, "],\"data_offsets\":[%zu,%zu]}", at, at + elements * 4);
        at += elements * 4;
    }
    buf_str(&header, "}");
    put_raw(b, header.data, 0);
    for (size_t i = 0; i < at / 4; i++) {
        const float v = (float)i;
        buf_append(b, &v, sizeof v);
    }
    buf_free(&header);
}
