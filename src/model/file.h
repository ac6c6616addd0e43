/* file.h - files as rows: a record with name, type, size and hash; the bytes in chunks under the hash, each
 * content once, in the same transaction and backup as everything else. */

#ifndef MODEL_FILE_H
#define MODEL_FILE_H

#include "model/access.h"

enum { FILE_CHUNK = 64 << 10 };

/* Stores the bytes under their SHA-256 and makes the record. The type is checked against the first bytes:
 * what claims to be a picture or a PDF and is not is refused; HTML, SVG and scripts are kept as
 * application/octet-stream so that they never run. */
MUST_CHECK enum err_code file_create(struct call *c, struct str name, struct str type,
    struct str bytes, int64_t *id);
/* The same for bytes that are stored already, piece by piece: the SHA-256 of all of them, then each piece from a
 * chunk's number on (a piece is whole chunks, but for the last). ERR_CONFLICT when some are missing: they were
 * collected meanwhile. */
struct file_hash;
struct file_hash *file_hash_begin(struct arena *mem);
void file_hash_add(struct file_hash *h, struct str bytes);
struct str file_hash_end(struct file_hash *h, struct arena *mem);
MUST_CHECK enum err_code file_store_piece(
    struct call *c, struct str hash, int64_t first, struct str bytes);
MUST_CHECK enum err_code file_create_stored(struct call *c, struct str name, struct str type,
    struct str hash, int64_t size, int64_t *id);
struct file_info {
    int64_t id, size;
    struct str name, type, hash;
};
/* ERR_NOT_FOUND when it is not there or may not be seen. */
MUST_CHECK enum err_code file_info(struct call *c, int64_t id, struct file_info *out);
/* What the first bytes say, of the types that are known by them: "image/png"; NULL where they say nothing. */
const char *file_type_told(struct str bytes);
/* Bytes from an offset, at most n, into out. */
MUST_CHECK enum err_code file_read(
    struct call *c, const struct file_info *f, int64_t offset, size_t n, struct buf *out);
/* Job: removes contents that no record names any more. */
enum err_code file_collect(struct call *c);

struct record;
enum err_code file_before_save(struct call *c, struct record *r, const struct record *old);

#endif
