/* dashboard.h - pages of tiles: numbers, charts, lists, saved views and texts, arranged by hand, of one's own or
 * shared with all. A dashboard keeps questions, never answers: each tile asks with the rights of who looks. */

#ifndef DOMAIN_DASHBOARD_DASHBOARD_H
#define DOMAIN_DASHBOARD_DASHBOARD_H

#include "model/entity.h"

extern const struct module dashboard_module;

/* Two shared dashboards for the sample business, unless there are some already. They belong to nobody: administrators
 * change them, everybody else makes a copy. */
MUST_CHECK enum err_code dashboard_seed(struct call *c);

#endif
