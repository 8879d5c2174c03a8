/* What kind of model a path holds: the one place that decides it. */
#ifndef PRECIS_MODEL_KIND_H
#define PRECIS_MODEL_KIND_H

#include "base/err.h"

enum model_kind {
    MODEL_GGUF,   /* a file */
    MODEL_FOLDER, /* Hugging Face's: config.json and safetensors */
    MODEL_ONNX    /* a .onnx file, a folder of them, or one with a subfolder onnx/ of them */
};

/* A folder with config.json and safetensors is MODEL_FOLDER even if it holds ONNX files too (give
 * those by their own path); a file is MODEL_ONNX by its name, else MODEL_GGUF, whose reader says
 * what it is instead. Errors: PRECIS_ENOTFOUND; PRECIS_EINPUT (neither file nor folder, a folder of
 * none of these; a file of a folder in place of the folder); PRECIS_EUNSUPPORTED (pickled weights,
 * by name); PRECIS_EIO. */
int model_kind_of(const char *path, enum model_kind *out, struct err *e);

#endif
