#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "model/onnx_read.h"

/* ---- A writer of protobuf, as small as the reader needs ---- */

static void put_varint(struct buf *b, uint64_t v) {
    for (; v > 127; v >>= 7)
        buf_char(b, (char)(v | 128));
    buf_char(b, (char)v);
}

static void put_number(struct buf *b, unsigned field, uint64_t v) {
    put_varint(b, field << 3);
    put_varint(b, v);
}

static void put_bytes(struct buf *b, unsigned field, const void *data, size_t n) {
    put_varint(b, field << 3 | 2);
    put_varint(b, n);
    buf_append(b, data, n);
}

static void put_text(struct buf *b, unsigned field, const char *s) {
    put_bytes(b, field, s, strlen(s));
}

/* Moves a message into a field of another. */
static void put_message(struct buf *b, unsigned field, struct buf *message) {
    put_bytes(b, field, message->data ? message->data : "", message->len);
    buf_free(message);
}

static void put_value(struct buf *graph, unsigned field, const char *name, unsigned type,
                      const char *batch, uint64_t width) {
    struct buf value = {0}, kind = {0}, tensor = {0}, shape = {0}, dim = {0};
    put_text(&dim, 2, batch);
    put_message(&shape, 1, &dim);
    put_number(&dim, 1, width);
    put_message(&shape, 1, &dim);
    put_number(&tensor, 1, type);
    put_message(&tensor, 2, &shape);
    put_message(&kind, 1, &tensor);
    put_text(&value, 1, name);
    put_message(&value, 2, &kind);
    put_message(graph, field, &value);
}

static void put_entry(struct buf *tensor, const char *key, const char *text) {
    struct buf pair = {0};
    put_text(&pair, 1, key);
    put_text(&pair, 2, text);
    put_message(tensor, 13, &pair);
}

struct options {
    uint64_t dim, type, raw, ir;
    const char *location, *length, *name;
    bool no_opset, second_graph;
    int depth; /* of graphs in graphs */
};

static void put_tensors(struct buf *graph, const struct options *o) {
    struct buf tensor = {0};
    char zeros[256] = {0};
    put_number(&tensor, 1, 4);
    put_number(&tensor, 1, o->dim ? o->dim : 8);
    put_number(&tensor, 2, o->type ? o->type : 1);
    put_text(&tensor, 8, o->name ? o->name : "weight");
    put_bytes(&tensor, 9, zeros, o->raw ? o->raw : 128);
    put_message(graph, 5, &tensor);
    put_bytes(&tensor, 1, "\x03\x05", 2); /* packed */
    put_number(&tensor, 2, 22);           /* int4: 15 of them in 8 bytes */
    put_text(&tensor, 8, "external");
    put_number(&tensor, 14, 1);
    put_entry(&tensor, "location", o->location ? o->location : "model.onnx_data");
    put_entry(&tensor, "offset", "4096");
    put_entry(&tensor, "length", o->length ? o->length : "8");
    put_message(graph, 5, &tensor);
}

static void put_nested(struct buf *graph, int depth) {
    struct buf inner = {0}, attribute = {0}, node = {0};
    if (depth > 0)
        put_nested(&inner, depth - 1);
    put_text(&inner, 2, "inner");
    put_message(&attribute, 6, &inner);
    put_message(&node, 5, &attribute);
    put_message(graph, 1, &node);
}

static struct buf make_model(const struct options *o) {
    struct buf model = {0}, graph = {0}, opset = {0};
    put_value(&graph, 11, "input_ids", 7, "batch", 16);
    put_value(&graph, 11, "weight", 1, "four", 8); /* has an initializer: no input */
    put_value(&graph, 12, "logits", 10, "batch", 100);
    put_tensors(&graph, o);
    put_nested(&graph, o->depth);
    put_text(&graph, 2, "main");
    put_number(&model, 1, o->ir ? o->ir : 10);
    put_text(&model, 2, "pytorch");
    put_number(&model, 99, 5); /* a field of a later time */
    for (int i = 0; i < 1 + o->second_graph; i++)
        put_bytes(&model, 7, graph.data, graph.len);
    buf_free(&graph);
    put_text(&opset, 1, "com.microsoft");
    put_number(&opset, 2, 1);
    if (!o->no_opset)
        put_message(&model, 8, &opset);
    buf_free(&opset);
    assert_false(buf_failed(&model));
    return model;
}

static void check_str(struct str s, const char *want) {
    assert_int_equal(s.len, strlen(want));
    assert_memory_equal(s.s, want, s.len);
}

static void reads_a_model(void **state) {
    (void)state;
    struct options o = {0};
    struct buf b = make_model(&o);
    struct onnx_info m;
    struct err e;
    assert_int_equal(onnx_read_memory("m.onnx", (uint8_t *)b.data, b.len, &m, &e), 0);
    assert_int_equal(m.ir_version, 10);
    check_str(m.producer, "pytorch");
    check_str(m.graph, "main");
    assert_int_equal(m.n_inputs, 1);
    check_str(m.inputs[0].name, "input_ids");
    assert_int_equal(m.inputs[0].type, 7);
    assert_int_equal(m.inputs[0].rank, 2);
    assert_int_equal(m.inputs[0].dims[0].value, -1);
    check_str(m.inputs[0].dims[0].name, "batch");
    assert_int_equal(m.inputs[0].dims[1].value, 16);
    assert_int_equal(m.n_outputs, 1);
    assert_string_equal(onnx_type_name(m.outputs[0].type), "float16");
    assert_int_equal(m.n_opsets, 1);
    check_str(m.opsets[0].domain, "com.microsoft");
    assert_int_equal(m.opsets[0].version, 1);
    assert_int_equal(m.nodes, 1);
    assert_int_equal(m.types[1].tensors, 1);
    assert_int_equal(m.types[1].bytes, 128);
    assert_int_equal(m.types[22].elements, 15);
    assert_int_equal(m.types[22].bytes, 8);
    assert_int_equal(m.parameters, 32 + 15);
    char weights[16];
    onnx_read_weights(&m, weights, sizeof weights);
    assert_string_equal(weights, "float32");
    m.bits = 4;
    onnx_read_weights(&m, weights, sizeof weights);
    assert_string_equal(weights, "q4");
    assert_int_equal(m.n_externals, 1);
    check_str(m.externals[0].location, "model.onnx_data");
    assert_int_equal(m.externals[0].bytes, 4104);
    onnx_read_close(&m);
    buf_free(&b);
}

static void check_refused(const struct options *o, int code, const char *words) {
    struct buf b = make_model(o);
    struct onnx_info m;
    struct err e;
    int rc = onnx_read_memory("m.onnx", (uint8_t *)b.data, b.len, &m, &e);
    if (rc != code || strncmp(e.text, "m.onnx: ", 8) != 0 || !strstr(e.text, words))
        fail_msg("%d %s", rc, rc ? e.text : "");
    assert_null(m.inputs);
    buf_free(&b);
}

static void refuses_what_cannot_be(void **state) {
    (void)state;
    static const struct {
        struct options o;
        int code;
        const char *words;
    } cases[] = {
        {{.dim = UINT64_MAX}, PRECIS_EINPUT, "absurd shape"},
        {{.dim = (uint64_t)1 << 62}, PRECIS_EINPUT, "absurd shape"},
        {{.dim = (uint64_t)1 << 60}, PRECIS_EINPUT, "absurd"},
        {{.type = 99}, PRECIS_EINPUT, "absurd type"},
        {{.raw = 127}, PRECIS_EINPUT, "not its shape's"},
        {{.location = "../../etc/passwd"}, PRECIS_EINPUT, "outside of its folder: ../../etc"},
        {{.location = "/etc/passwd"}, PRECIS_EINPUT, "outside of its folder"},
        {{.location = ""}, PRECIS_EINPUT, "outside of its folder"},
        {{.length = "9"}, PRECIS_EINPUT, "not its tensor's"},
        {{.length = "-8"}, PRECIS_EINPUT, "no number"},
        {{.length = "99999999999999999999999"}, PRECIS_EINPUT, "no number"},
        {{.name = "\xff"}, PRECIS_EINPUT, "no UTF-8"},
        {{.ir = 99}, PRECIS_EUNSUPPORTED, "IR version 99"},
        {{.no_opset = true}, PRECIS_EINPUT, "opset"},
        {{.second_graph = true}, PRECIS_EINPUT, "second graph"},
        {{.depth = 40}, PRECIS_EINPUT, "without end"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_refused(&cases[i].o, cases[i].code, cases[i].words);
}

static void refuses_every_cut(void **state) {
    (void)state;
    struct options o = {0};
    struct buf b = make_model(&o);
    for (size_t n = 0; n < b.len; n++) {
        struct onnx_info m;
        struct err e;
        uint8_t *copy = malloc(n + 1); /* of its own, so that a sanitizer sees what is beyond */
        assert_non_null(copy);
        memcpy(copy, b.data, n);
        assert_int_equal(onnx_read_memory("m.onnx", copy, n, &m, &e), PRECIS_EINPUT);
        free(copy);
    }
    buf_free(&b);
}

static void refuses_wire_types(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
    } cases[] = {{"\x0b", 1},                                          /* a group */
                 {"\x00\x00", 2},                                      /* field 0 */
                 {"\x0a\x01x", 3},                                     /* ir as bytes */
                 {"\x38\x01", 2},                                      /* graph: varint */
                 {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 11}, /* 70 bits */
                 {"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11}, /* long */
                 {"not a model at all", 18}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct onnx_info m;
        struct err e;
        assert_int_equal(
            onnx_read_memory("m.onnx", (const uint8_t *)cases[i].bytes, cases[i].n, &m, &e),
            PRECIS_EINPUT);
        assert_non_null(strstr(e.text, "at byte"));
    }
}

static void files_that_are_none(void **state) {
    (void)state;
    struct onnx_info m;
    struct err e;
    assert_int_equal(onnx_read_open("/nonexistent.onnx", &m, &e), PRECIS_EIO);
    assert_int_equal(onnx_read_open("/tmp", &m, &e), PRECIS_EIO);
    onnx_read_close(&m);
    assert_string_equal(onnx_type_name(-1), "undefined");
    assert_string_equal(onnx_type_name(99), "undefined");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_model),       cmocka_unit_test(refuses_what_cannot_be),
        cmocka_unit_test(refuses_every_cut),   cmocka_unit_test(refuses_wire_types),
        cmocka_unit_test(files_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
