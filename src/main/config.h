/* config.h - DIR/kith.conf: one `name = value` a line, # begins a comment. */

#ifndef MAIN_CONFIG_H
#define MAIN_CONFIG_H

#include "base/arena.h"
#include "base/log.h"
#include "model/config.h"

/* All defaults, for a folder. */
void config_defaults(struct config *cfg, const char *dir);
/* Reads DIR/kith.conf over the defaults. ERR_INVALID names the line; ERR_NOT_FOUND without the file. */
MUST_CHECK enum err_code config_load(
    struct arena *mem, const char *dir, struct config *cfg, enum log_level *level, struct err *e);
/* Writes a new one that tells every name, commented out but for what is given. */
MUST_CHECK enum err_code config_write(
    const char *dir, const char *database_url, struct err *e);
/* The installation's key, DIR/key: 32 bytes that only the owner may read. */
MUST_CHECK enum err_code key_make(const char *dir, struct err *e);
MUST_CHECK enum err_code key_load(const char *dir, uint8_t key[32], struct err *e);

#endif
