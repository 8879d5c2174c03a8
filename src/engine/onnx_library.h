/* ONNX Runtime, found when it is first needed and kept until the process ends. It computes nothing
 * on threads of its own, and keeps no memory between steps but weights and what it handed out: its
 * arenas are off. (An allocator of our own would have to abort: kernels do not check for NULL.) */
#ifndef PRECIS_ENGINE_ONNX_LIBRARY_H
#define PRECIS_ENGINE_ONNX_LIBRARY_H

#include <onnxruntime_c_api.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "engine/engine.h"

struct onnx_library {
    const OrtApi *api;
    OrtEnv *env;
    OrtMemoryInfo *cpu;
    OrtAllocator *names; /* of what the library hands out; the library's */
    char version[32];
    char path[4096];
};

/* The library that PRECIS_ONNXRUNTIME names; else libonnxruntime.so.1 or libonnxruntime.so where
 * the system's loader finds it; else in $XDG_DATA_HOME/precis/lib (~/.local/share/precis/lib),
 * where tools/setup.sh puts it. Errors: PRECIS_ENOTFOUND (none: says where was looked),
 * PRECIS_EUNSUPPORTED (older than API version 21: says its path and version). */
int onnx_library_get(const struct onnx_library **out, struct err *e);

/* Releases the status; 0 when it is none. Else the library's message after "WHAT: ". */
int onnx_check(const struct onnx_library *l, OrtStatus *status, const char *what, struct err *e);

/* What a session on this device is made with. auto: CUDA or CoreML where the library has it;
 * *device says which was chosen. Errors: PRECIS_EUNSUPPORTED: the library lacks it. */
int onnx_session_options(const struct onnx_library *l, enum device *device, OrtSessionOptions **out,
                         struct err *e);

#endif
