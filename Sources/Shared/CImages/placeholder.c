#include "include/CImages.h"
