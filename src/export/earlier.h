/* What an export that a new one may replace looks like. */
#ifndef PRECIS_EXPORT_EARLIER_H
#define PRECIS_EXPORT_EARLIER_H

#include "export/folder.h"

/* Only files that an export may have, and among them a model.onnx that says precis made it. */
extern const struct out_folder_kind earlier_export;

#endif
