/* The bytes of protocol buffers and of an ONNX model, against ones written by hand from the
 * specification. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "export/onnx_graph.h"
#include "export/protobuf.h"

static void expect(struct buf *b, const void *bytes, size_t n) {
    assert_false(buf_failed(b));
    assert_int_equal(b->len, n);
    assert_memory_equal(b->data, bytes, n);
    buf_free(b);
}

#define EXPECT(b, bytes) expect(b, bytes, sizeof(bytes) - 1)

static void writes_numbers(void **state) {
    (void)state;
    struct buf b = {0};
    protobuf_int(&b, 1, 0);
    protobuf_int(&b, 1, 150); /* the specification's example */
    EXPECT(&b, "\x08\x00\x08\x96\x01");
    protobuf_int(&b, 20, 7); /* a field beyond 15 */
    EXPECT(&b, "\xa0\x01\x07");
    protobuf_int(&b, 3, -1);
    EXPECT(&b, "\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    protobuf_int(&b, 3, INT64_MAX);
    EXPECT(&b, "\x18\xff\xff\xff\xff\xff\xff\xff\xff\x7f");
    protobuf_float(&b, 2, 1.5f);
    EXPECT(&b, "\x15\x00\x00\xc0\x3f");
}

static void writes_strings_and_messages(void **state) {
    (void)state;
    struct buf b = {0}, inner = {0};
    protobuf_string(&b, 2, "testing");
    EXPECT(&b, "\x12\x07testing");
    protobuf_int(&inner, 1, 150);
    protobuf_message(&b, 3, &inner);
    assert_null(inner.data);
    EXPECT(&b, "\x1a\x03\x08\x96\x01");
    protobuf_message(&b, 3, &inner); /* an empty one */
    EXPECT(&b, "\x1a\x00");
    inner.failed = true;
    protobuf_message(&b, 3, &inner);
    assert_true(buf_failed(&b));
    buf_free(&b);
}

static void writes_long_strings(void **state) {
    (void)state;
    char text[300];
    struct buf b = {0};
    memset(text, 'x', sizeof text);
    protobuf_bytes(&b, 9, text, sizeof text);
    assert_int_equal(b.len, 3 + sizeof text);
    assert_memory_equal(b.data, "\x4a\xac\x02x", 4);
    buf_free(&b);
}

static void writes_nodes(void **state) {
    (void)state;
    struct onnx_graph g = {0};
    onnx_graph_node(&g, &(struct onnx_node){.op = "Op",
                                            .domain = "d",
                                            .in = {"a", "", "b"},
                                            .out = {"c"},
                                            .attributes = {{"i", ONNX_INT, 2, 0},
                                                           {"f", ONNX_FLOAT, 0, 1},
                                                           {"l", ONNX_INTS, 5, 0}}});
    EXPECT(&g.nodes, "\x0a\x36"
                     "\x0a\x01"
                     "a\x0a\x00\x0a\x01"
                     "b\x12\x01"
                     "c\x1a\x01"
                     "c\x22\x02Op"
                     "\x2a\x08\x0a\x01i\x18\x02\xa0\x01\x02"
                     "\x2a\x0b\x0a\x01"
                     "f\x15\x00\x00\x80\x3f\xa0\x01\x01"
                     "\x2a\x08\x0a\x01l\x40\x05\xa0\x01\x07"
                     "\x3a\x01"
                     "d");
    onnx_graph_free(&g);
}

static void writes_constants_and_values(void **state) {
    (void)state;
    struct onnx_graph g = {0};
    const uint64_t dims[2] = {2, 300};
    const struct onnx_dim shape[2] = {{.symbol = "n"}, {.size = 3}};
    onnx_graph_constant(&g, "k", ONNX_U8, dims, 1, "\x01\x02", 2);
    EXPECT(&g.constants, "\x2a\x0b\x08\x02\x10\x02\x42\x01k\x4a\x02\x01\x02");
    onnx_graph_external(&g, "k", ONNX_F16, dims, 2, "file", 64, 1200);
    EXPECT(&g.constants, "\x2a\x3c\x08\x02\x08\xac\x02\x10\x0a\x42\x01k"
                         "\x6a\x10\x0a\x08location\x12\x04"
                         "file"
                         "\x6a\x0c\x0a\x06offset\x12\x02"
                         "64"
                         "\x6a\x0e\x0a\x06length\x12\x04"
                         "1200"
                         "\x70\x01");
    onnx_graph_input(&g, "x", ONNX_I64, shape, 2);
    EXPECT(&g.inputs, "\x5a\x14\x0a\x01x\x12\x0f\x0a\x0d\x08\x07\x12\x09"
                      "\x0a\x03\x12\x01n\x0a\x02\x08\x03");
    onnx_graph_output(&g, "y", ONNX_F32, shape, 1);
    EXPECT(&g.outputs, "\x62\x10\x0a\x01y\x12\x0b\x0a\x09\x08\x01\x12\x05\x0a\x03\x12\x01n");
    onnx_graph_free(&g);
}

static void writes_a_model(void **state) {
    (void)state;
    struct onnx_graph g = {0};
    struct buf out = {0};
    struct err e;
    onnx_graph_node(&g, &(struct onnx_node){.op = "O", .in = {"a"}, .out = {"b"}});
    assert_int_equal(onnx_graph_finish(&g, "g", &out, &e), 0);
    assert_null(g.nodes.data);
    const char head[] = "\x08\x08\x12\x06precis\x1a\x05" PRECIS_VERSION "\x3a\x11\x0a\x0c";
    assert_memory_equal(out.data, head, sizeof head - 1);
    const char tail[] = "\x12\x01g"
                        "\x42\x04\x0a\x00\x10\x11"
                        "\x42\x11\x0a\x0d"
                        "com.microsoft\x10\x01";
    assert_memory_equal(out.data + out.len - (sizeof tail - 1), tail, sizeof tail - 1);
    buf_free(&out);
    onnx_graph_free(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_numbers),
        cmocka_unit_test(writes_strings_and_messages),
        cmocka_unit_test(writes_long_strings),
        cmocka_unit_test(writes_nodes),
        cmocka_unit_test(writes_constants_and_values),
        cmocka_unit_test(writes_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
