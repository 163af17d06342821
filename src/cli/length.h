// How long something took, for people.
#ifndef CLI_LENGTH_H
#define CLI_LENGTH_H

#include "core/buf.h"

// "0.4s", "42s", "41m", "3h 02m", "2d 01h"; "-" for what is no number. Appended.
void length_add(struct buf *b, double seconds);

#endif
