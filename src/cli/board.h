// The live line at the bottom of a terminal: how far a task is and whom it waits for. It is drawn
// over and over, and taken away before anything else is printed. In a log, that is a line of its
// own after 10, 20, 40, ... seconds.
#ifndef CLI_BOARD_H
#define CLI_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct board;

// on: there is a terminal to draw on.
struct board *board_new(bool on);
void board_free(struct board *b);
// A host began a task; it left it again. Names are copied.
void board_took_off(struct board *b, const char *host, const char *task);
void board_landed(struct board *b, const char *host);
// Forgets all hosts.
void board_clear(struct board *b);
// Draws: task, done of expected hosts since started_ms, the hosts that have been under way longest.
// task NULL: hosts are at several tasks. Does nothing in the first moments of a task.
void board_draw(struct board *b, const char *task, size_t done, size_t expected,
                int64_t started_ms);
// Takes the line away.
void board_erase(struct board *b);

#endif
