/* file.c - stores and reads the bytes of files. */

#include "model/file.h"

#include "base/utf8.h"

#include <sodium.h>
#include <string.h>

static const struct magic {
    const char *type;
    struct str begins;
} magics[] = {
    { "image/png", STR_INIT("\x89PNG\r\n\x1a\n") },
    { "image/jpeg", STR_INIT("\xff\xd8\xff") },
    { "image/gif", STR_INIT("GIF8") },
    { "image/webp", STR_INIT("RIFF") },
    { "application/pdf", STR_INIT("%PDF-") },
    { "application/zip", STR_INIT("PK\x03\x04") },
};

static const char *const plain_types[] = { "text/plain", "text/csv", "application/json",
    "application/octet-stream", "text/calendar", "text/vcard", "message/rfc822", "audio/mpeg",
    "audio/ogg", "audio/wav", "video/mp4",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.oasis.opendocument.text", "application/msword", "application/vnd.ms-excel" };

const char *file_type_told(struct str bytes)
{
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++) {
        if (str_starts(bytes, magics[i].begins)) {
            return magics[i].type;
        }
    }
    return NULL;
}

static enum err_code check_type(struct call *c, struct str *type, struct str bytes)
{
    ptrdiff_t semicolon = str_find_byte(*type, ';');

    if (semicolon >= 0) {
        *type = str_trim(str_sub(*type, 0, (size_t)semicolon));
    }
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++) {
        if (str_is(*type, magics[i].type)) {
            return str_starts(bytes, magics[i].begins)
                ? OK
                : fail(c, ERR_INVALID, "type", "the file is not what it says it is: %.*s",
                    STR_ARG(*type));
        }
    }
    for (size_t i = 0; i < sizeof plain_types / sizeof *plain_types; i++) {
        if (str_is(*type, plain_types[i])) {
            return OK;
        }
    }
    *type = STR("application/octet-stream");
    return OK;
}

struct file_hash {
    crypto_hash_sha256_state state;
};

struct file_hash *file_hash_begin(struct arena *mem)
{
    struct file_hash *h = ARENA_NEW(mem, struct file_hash);

    crypto_hash_sha256_init(&h->state);
    return h;
}

void file_hash_add(struct file_hash *h, struct str bytes)
{
    crypto_hash_sha256_update(&h->state, (const unsigned char *)bytes.p, bytes.n);
}

struct str file_hash_end(struct file_hash *h, struct arena *mem)
{
    unsigned char raw[crypto_hash_sha256_BYTES];
    char *hex = arena_alloc(mem, sizeof raw * 2 + 1);

    crypto_hash_sha256_final(&h->state, raw);
    sodium_bin2hex(hex, sizeof raw * 2 + 1, raw, sizeof raw);
    return str_of(hex);
}

enum err_code file_store_piece(struct call *c, struct str hash, int64_t first, struct str bytes)
{
    for (size_t at = 0; at < bytes.n || (at == 0 && first == 0); at += FILE_CHUNK, first++) {
        struct str chunk = str_sub(bytes, at, FILE_CHUNK);
        TRY(db_exec(c,
            SQL("INSERT INTO \"file_chunks\" (\"hash\", \"position\", \"bytes\", \"at\") VALUES ($1, $2, $3, $4) ON"
                " CONFLICT (\"hash\", \"position\") DO UPDATE SET \"at\" = excluded.\"at\""
                " WHERE \"file_chunks\".\"position\" = 0"),
            VALS(V(hash), V(first), V_BLOB(chunk), V(c->now))));
    }
    return OK;
}

/* U+202A to U+202E and U+2066 to U+2069 write backwards: "gpj.exe" would be shown as "exe.jpg". */
static bool turns_round(struct str s)
{
    unsigned char last = s.n >= 3 ? (unsigned char)s.p[2] : 0;

    return (str_starts(s, STR("\xe2\x80")) && last >= 0xaa && last <= 0xae)
        || (str_starts(s, STR("\xe2\x81")) && last >= 0xa6 && last <= 0xa9);
}

/* Only the last part of a path, and no signs that would end a header. */
static enum err_code clean_name(struct call *c, struct str *name)
{
    *name = str_trim(*name);
    for (size_t i = name->n; i-- > 0;) {
        if (name->p[i] == '/' || name->p[i] == '\\') {
            *name = str_sub(*name, i + 1, name->n);
            break;
        }
    }
    if (!name->n || name->n > 255 || !utf8_valid(*name, NULL)) {
        return fail(c, ERR_INVALID, "name", "a file has a name of at most 255 bytes");
    }
    for (size_t i = 0; i < name->n; i++) {
        if ((unsigned char)name->p[i] < ' ' || name->p[i] == '"' || turns_round(str_sub(*name, i, name->n))) {
            return fail(c, ERR_INVALID, "name", "this sign cannot stand in a file's name");
        }
    }
    return OK;
}

/* A name may be changed later too. */
enum err_code file_before_save(struct call *c, struct record *r, const struct record *old)
{
    struct str name = record_get(r, "name").s, was = old ? record_get(old, "name").s : (struct str) { "", 0 };

    if (!str_eq(name, was)) {
        TRY(clean_name(c, &name));
        record_set(c, r, "name", V(name));
    }
    return OK;
}

static enum err_code make_record(struct call *c, struct str name, struct str type, struct str hash,
    int64_t size, int64_t *id)
{
    struct record *r = record_of(c, "file");

    record_set(c, r, "name", V(name));
    record_set(c, r, "type", V(type));
    record_set(c, r, "size", V(size));
    record_set(c, r, "hash", V(hash));
    TRY(record_create(c, r));
    *id = r->id;
    return OK;
}

enum err_code file_create(
    struct call *c, struct str name, struct str type, struct str bytes, int64_t *id)
{
    struct file_hash *h = file_hash_begin(c->mem);

    TRY(access_require(c, model_entity(c->model, STR("file")), RIGHT_CREATE));
    TRY(clean_name(c, &name));
    TRY(check_type(c, &type, bytes));
    file_hash_add(h, bytes);
    struct str hash = file_hash_end(h, c->mem);
    TRY(file_store_piece(c, hash, 0, bytes));
    return make_record(c, name, type, hash, (int64_t)bytes.n, id);
}

enum err_code file_create_stored(struct call *c, struct str name, struct str type, struct str hash,
    int64_t size, int64_t *id)
{
    struct file_info whole = { .hash = hash, .size = size };
    struct buf head;
    int64_t chunks;

    TRY(access_require(c, model_entity(c->model, STR("file")), RIGHT_CREATE));
    TRY(clean_name(c, &name));
    TRY(db_int(c, &chunks, SQL("SELECT count(*) FROM \"file_chunks\" WHERE \"hash\" = $1"),
        VALS(V(hash))));
    if (chunks != (size + FILE_CHUNK - 1) / FILE_CHUNK) {
        return fail(c, ERR_CONFLICT, NULL, "the upload was interrupted; send it again");
    }
    buf_init(&head, c->mem, FILE_CHUNK);
    TRY(file_read(c, &whole, 0, 64, &head));
    TRY(check_type(c, &type, buf_str(&head)));
    return make_record(c, name, type, hash, size, id);
}

enum err_code file_info(struct call *c, int64_t id, struct file_info *out)
{
    struct record *r;
    bool yes;

    TRY(record_load(c, model_entity(c->model, STR("file")), id, false, &r));
    TRY(access_record(c, r, RIGHT_READ, &yes));
    if (!yes || r->cells[r->e->deleted_at->cell].type != DB_NULL) {
        return fail(c, ERR_NOT_FOUND, NULL, "there is no such file");
    }
    *out = (struct file_info) { id, record_get(r, "size").i, record_get(r, "name").s,
        record_get(r, "type").s, record_get(r, "hash").s };
    return OK;
}

enum err_code file_read(
    struct call *c, const struct file_info *f, int64_t offset, size_t n, struct buf *out)
{
    struct rows rows;
    int64_t end = offset + (int64_t)n;

    TRY(db_query(c, &rows,
        SQL("SELECT \"position\", \"bytes\" FROM \"file_chunks\" WHERE \"hash\" = $1 AND"
            " \"position\" >= $2 AND \"position\" <= $3 ORDER BY \"position\""),
        VALS(V(f->hash), V(offset / FILE_CHUNK), V((end - 1) / FILE_CHUNK))));
    while (rows_next(&rows)) {
        struct str bytes = stmt_blob(rows.st, 1);
        int64_t begin = col_int(&rows, 0) * FILE_CHUNK;
        size_t skip = offset > begin ? (size_t)(offset - begin) : 0;
        size_t upto = end < begin + (int64_t)bytes.n ? (size_t)(end - begin) : bytes.n;
        if (upto > skip) {
            buf_add(out, str_sub(bytes, skip, upto - skip));
        }
    }
    TRY(rows_end(&rows));
    return buf_status(out, &c->err);
}

enum err_code file_collect(struct call *c)
{
    return db_exec(c,
        SQL("DELETE FROM \"file_chunks\" WHERE \"hash\" IN (SELECT k.\"hash\" FROM \"file_chunks\" k"
            " WHERE k.\"position\" = 0 AND coalesce(k.\"at\", 0) < $1 AND NOT EXISTS (SELECT 1 FROM \"files\" f WHERE"
            " f.\"hash\" = k.\"hash\") LIMIT 100)"),
        VALS(V(c->now - HOURS(6))));
}
