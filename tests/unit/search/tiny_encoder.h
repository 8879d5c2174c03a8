/* A folder with the tiny BERT of tests/golden/encoder and a tokenizer of single letters and digits:
 * an encoder whose vectors mean nothing, but which every test can open. */
#ifndef PRECIS_TESTS_TINY_ENCODER_H
#define PRECIS_TESTS_TINY_ENCODER_H

/* A fresh folder (see tree.h); the model is in its subfolder "tiny". golden: of tests/golden. */
char *tiny_encoder_new(const char *golden);

#endif
