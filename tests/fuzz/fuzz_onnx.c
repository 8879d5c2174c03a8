/* Any bytes as an ONNX file. */
#include <stdint.h>
#include <stdlib.h>

#include "model/onnx_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint64_t sink;

static void touch(struct str s) {
    for (size_t i = 0; i < s.len; i++)
        sink += (unsigned char)s.s[i];
}

static void touch_value(const struct onnx_value *v) {
    touch(v->name);
    if (v->rank > ONNX_READ_RANK || !onnx_type_name(v->type))
        abort();
    for (int i = 0; i < v->rank; i++)
        touch(v->dims[i].name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct onnx_info m;
    struct err e = {0};
    char weights[16];
    if (onnx_read_memory("fuzz", data, size, &m, &e) != 0)
        return e.text[0] ? 0 : (abort(), 0);
    for (size_t i = 0; i < m.n_inputs; i++)
        touch_value(&m.inputs[i]);
    for (size_t i = 0; i < m.n_outputs; i++)
        touch_value(&m.outputs[i]);
    for (size_t i = 0; i < m.n_opsets; i++)
        touch(m.opsets[i].domain);
    for (size_t i = 0; i < m.n_properties; i++) {
        touch(m.properties[i].key);
        touch(m.properties[i].value);
    }
    for (size_t i = 0; i < m.n_externals; i++) {
        touch(m.externals[i].location);
        if (m.externals[i].location.len == 0 || m.externals[i].location.s[0] == '/')
            abort();
    }
    onnx_read_weights(&m, weights, sizeof weights);
    onnx_read_close(&m);
    return 0;
}
