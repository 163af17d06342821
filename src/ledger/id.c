// Ids of runs, rollouts and incidents: time first, so that they sort, and some chance.
#include "ledger/ledger.h"

#include <stdio.h>
#include <sys/random.h>
#include <time.h>

void ledger_new_id(char letter, char ret[32])
{
    // without the letters that look like digits
    static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";
    unsigned char chance[4] = {0};
    char when[20], tail[5];
    struct tm tm;
    time_t now = time(NULL);
    if (getrandom(chance, sizeof chance, 0) < (ssize_t)sizeof chance)
        chance[0] ^= (unsigned char)now;
    for (int i = 0; i < 4; i++)
        tail[i] = letters[chance[i] % (sizeof letters - 1)];
    tail[4] = '\0';
    gmtime_r(&now, &tm);
    strftime(when, sizeof when, "%Y%m%d-%H%M%S", &tm);
    snprintf(ret, 32, "%c-%s-%s", letter, when + 2, tail); // the century goes
}
