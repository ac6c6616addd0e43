/* auth_throttle.h - what signing in asks of its neighbours: how often it failed, and the second factor. */

#ifndef MODEL_AUTH_THROTTLE_H
#define MODEL_AUTH_THROTTLE_H

#include "model/auth.h"

/* ERR_RATE while an address or an e-mail has to wait. */
MUST_CHECK enum err_code throttle_look(struct call *c, struct str address, struct str email);
MUST_CHECK enum err_code throttle_failure(struct call *c, struct str address, struct str email);
MUST_CHECK enum err_code throttle_clear(struct call *c, struct str email);

/* *passed when the user has none or gave a good code; otherwise *why is filled. */
MUST_CHECK enum err_code second_factor(
    struct call *c, const struct login *l, bool *passed, struct err *why);

#endif
