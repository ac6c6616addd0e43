/* match_block.h - candidates: every pair of records that share a key, once, without a list of pairs or of keys. */

#ifndef MODEL_MATCH_BLOCK_H
#define MODEL_MATCH_BLOCK_H

#include "model/match_table.h"

struct match_blocks;

/* Looks which blocks are too large; in mem. The table stays as it is from now on. */
struct match_blocks *match_blocks_make(struct arena *mem, const struct match_table *t);
size_t match_blocks_left(const struct match_blocks *b); /* blocks that are left out */

/* Calls fn with each pair. False: stops said that it is to end. */
bool match_blocks_walk(const struct match_blocks *b, void (*fn)(void *arg, uint32_t a, uint32_t b),
    bool (*stops)(void *arg), void *arg);

#endif
