#pragma once
#include "tare_onednn.h"
#include "tare_statistics.h"
