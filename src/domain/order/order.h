/* order.h - what people buy and bring back: products, shops, orders with lines, and the figures that follow
 * for each person and company. */

#ifndef DOMAIN_ORDER_ORDER_H
#define DOMAIN_ORDER_ORDER_H

#include "model/entity.h"

extern const struct module order_module;

#endif
