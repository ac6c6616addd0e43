/* openapi.h - the description of the API, made from the route table and the live model. */

#ifndef HTTP_OPENAPI_H
#define HTTP_OPENAPI_H

#include "model/call.h"

/* OpenAPI 3.1 of every route, with the entities and fields that the caller may see. */
MUST_CHECK enum err_code openapi_json(struct call *c);

#endif
