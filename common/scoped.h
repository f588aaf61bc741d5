/* scoped.h - variables that free what they point to when their scope ends. */
#ifndef FORKLORE_SCOPED_H
#define FORKLORE_SCOPED_H

/*
 * SCOPED(pool) pool = NULL; declares a struct pool * that pool_free() gets when
 * the scope is left, by whichever way: at its end, by return, or by TRY.
 * Several in one scope are freed in the reverse of the order in which they
 * stand.
 */
#define SCOPED(noun) __attribute__((cleanup(noun##_leave))) struct noun *

/* In the header of a noun that has NOUN_free(): makes SCOPED(NOUN) work. */
#define DEFINE_SCOPED(noun)                                  \
	static inline void noun##_leave(struct noun **owned) \
	{                                                    \
		noun##_free(*owned);                         \
	}

#endif
