/* order_steps.h - what the files of the module share. */

#ifndef DOMAIN_ORDER_ORDER_STEPS_H
#define DOMAIN_ORDER_ORDER_STEPS_H

#include "model/record.h"

/* Hooks of lines and orders. */
enum err_code order_line_before_save(struct call *c, struct record *r, const struct record *old);
enum err_code order_before_save(struct call *c, struct record *r, const struct record *old);
/* Lines follow their order to another person. */
enum err_code order_after_save(struct call *c, const struct record *r, const struct record *old);

/* The action order.record. */
enum err_code order_record(struct call *c);
extern const struct field order_record_input[], order_record_output[];

/* The consumer: favourite category and shop of each person whose purchases changed. */
enum err_code order_favourites(struct call *c, const struct change *changes, size_t n);

#endif
