/* auth_throttle.h - what signing in asks of its neighbours: how often it failed, and the second factor.
 *
 * Failures are counted where an outsider cannot use them to keep somebody out: per e-mail and network,
 * per network, and, for a device that has signed in before, per device alone. */

#ifndef MODEL_AUTH_THROTTLE_H
#define MODEL_AUTH_THROTTLE_H

#include "model/auth.h"

/* Fills l->device from l->device_cookie when that is one of ours for l->user, and young enough. */
void device_recognise(struct call *c, struct login *l);
/* A cookie for l->user: the device it had, or a new one. */
struct str device_cookie(struct call *c, const struct login *l);

/* ERR_RATE while whoever this is has to wait. After device_recognise. */
MUST_CHECK enum err_code throttle_look(struct call *c, const struct login *l);
MUST_CHECK enum err_code throttle_failure(struct call *c, const struct login *l);
MUST_CHECK enum err_code throttle_clear(struct call *c, const struct login *l);

/* Codes of the second factor are few, and are asked for only behind the right password: from devices that
 * are not known they are counted per user too. *why is filled with ERR_RATE while they have to wait. */
MUST_CHECK enum err_code throttle_second_look(
    struct call *c, const struct login *l, struct err *why);
MUST_CHECK enum err_code throttle_second_failure(struct call *c, const struct login *l);

/* *passed when the user has none or gave a good code; otherwise *why is filled. */
MUST_CHECK enum err_code second_factor(
    struct call *c, const struct login *l, bool *passed, struct err *why);

#endif
