/* person.h - a whole name, typed in one field, into the parts that a record has for it. */

#ifndef MODEL_PERSON_H
#define MODEL_PERSON_H

#include "model/record.h"

/* Sets first, middle and last name, suffix and salutation as standard_person() takes the name apart; what the
 * entity has no field for stands with its neighbour. only_known: parts that the name does not have are left
 * unset (an import has other columns), else they are cleared; the salutation is never cleared. False when the
 * entity has no parts of a name. */
bool person_put(struct call *c, struct record *r, struct str name, bool only_known);

#endif
