/* What the entries of the rnn family share. */
#ifndef OCT_RNN_RNN_H
#define OCT_RNN_RNN_H

#include "octet/rnn.h"

/* Checks a cell and its size; answers gates * units, whose floats can be addressed. */
oct_status oct_rnn_check_cell(const char *entry, oct_rnn_cell cell, size_t units, size_t *columns);

#endif /* OCT_RNN_RNN_H */
