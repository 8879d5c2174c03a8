/* A library that is ONNX Runtime 1.10 as far as its first two questions go. */
#include <stddef.h>
#include <stdint.h>

struct api_base {
    const void *(*get_api)(uint32_t version);
    const char *(*get_version)(void);
};

static const void *get_api(uint32_t version) {
    static const int some;
    return version <= 10 ? &some : NULL;
}

static const char *get_version(void) {
    return "1.10.0";
}

const struct api_base *OrtGetApiBase(void);

const struct api_base *OrtGetApiBase(void) {
    static const struct api_base base = {get_api, get_version};
    return &base;
}
