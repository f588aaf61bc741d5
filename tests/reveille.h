/* reveille.h - sleepers are woken, and killed while they wake. */
#ifndef FORKLORE_REVEILLE_H
#define FORKLORE_REVEILLE_H

struct accounts;
struct error;

/*
 * Each has all workers sleep, and ends when all have been woken or killed;
 * raging before and after. reveille.c says what they do meanwhile.
 */
struct error *reveille_sound(struct accounts *self);
struct error *reveille_ambush(struct accounts *self);

/* While there is calm: a fresh waiter gets a fresh token, and not before. */
struct error *reveille_check_fresh(struct accounts *self);

#endif
