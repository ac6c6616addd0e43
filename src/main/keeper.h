/* keeper.h - what a server has to look after from time to time: checkpoints, marks of use, the disk. */

#ifndef MAIN_KEEPER_H
#define MAIN_KEEPER_H

#include "model/org.h"

struct keeper;

MUST_CHECK enum err_code keeper_start(struct org *org, struct keeper **out, struct err *e);
void keeper_tick(struct keeper *k); /* once a second; NULL is allowed */
void keeper_stop(struct keeper *k); /* after a last checkpoint; NULL is allowed */

#endif
