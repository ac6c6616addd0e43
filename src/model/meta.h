/* meta.h - the live model as the caller may see it: what screens are drawn from, and OpenAPI. */

#ifndef MODEL_META_H
#define MODEL_META_H

#include "model/access.h"

/* Entities, fields, kinds, choices, children, actions, layouts, the caller and his rights. */
MUST_CHECK enum err_code meta_json(struct call *c);
/* Changes whenever meta_json's answer could: model version, rights version, user. */
struct str meta_etag(struct call *c);
#endif
