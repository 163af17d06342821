// Python literals, which give values in INI inventories their types. Internal to the room.
#ifndef INVENTORY_LITERAL_H
#define INVENTORY_LITERAL_H

#include "core/arena.h"
#include "core/value.h"

// The value of text as Python's ast.literal_eval sees it; text that is no literal is a string of
// itself. Sets become lists, bytes strings, and whole numbers beyond 64 bits strings of digits.
struct value literal_value(struct arena *a, const char *text);

#endif
