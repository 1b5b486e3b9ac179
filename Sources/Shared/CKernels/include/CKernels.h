#pragma once
#include "tare_statistics.h"
