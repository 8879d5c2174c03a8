/* Stands for the ONNX engine where ONNX Runtime's header was missing when this was built. */
#include "engine/engine_impl.h"

int onnx_open(const char *path, const struct engine_options *options, struct engine **out,
              struct err *e) {
    (void)options;
    *out = NULL;
    return err_set(e, PRECIS_EUNSUPPORTED,
                   "%s: this build cannot run ONNX models (ONNX Runtime's header was missing: get "
                   "it with 'tools/setup.sh --onnx' and build again)",
                   path);
}
