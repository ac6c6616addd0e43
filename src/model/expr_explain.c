#include "model/expr_tree.h"
