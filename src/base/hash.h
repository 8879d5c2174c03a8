/* Hashes: SHA-256 for identity (FIPS 180-4, by libcrypto), a fast 64-bit mix for tables and seeds.
 */
#ifndef PRECIS_BASE_HASH_H
#define PRECIS_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { HASH_SHA256_SIZE = 32, HASH_HEX_SIZE = 65, HASH_SHA1_HEX_SIZE = 41 };

int hash_sha256(const void *data, size_t size, uint8_t out[HASH_SHA256_SIZE], struct err *e);
int hash_sha256_hex(const void *data, size_t size, char out[HASH_HEX_SIZE], struct err *e);

/* Bytes as lower-case hex digits: out has room for 2 * size + 1. */
void hash_hex(const uint8_t *bytes, size_t size, char *out);
/* The other way; false when hex is not 64 such digits, and *out is not to be used then. */
bool hash_unhex(const char *hex, uint8_t out[HASH_SHA256_SIZE]);

/* SHA-1 of head and data together: git's name of a file, where head is "blob SIZE" and a NUL. */
int hash_sha1_hex(const void *head, size_t head_size, const void *data, size_t size,
                  char out[HASH_SHA1_HEX_SIZE], struct err *e);

/* Not for adversaries who choose the seed too; the same on every machine. */
uint64_t hash_bytes(const void *data, size_t size, uint64_t seed);
uint64_t hash_mix(uint64_t a, uint64_t b);

/* Against damage, for megabytes: another value than hash_bytes, three times as fast on long inputs
 * because four chains run side by side. The same on every machine. */
uint64_t hash_bulk(const void *data, size_t size, uint64_t seed);

#endif
