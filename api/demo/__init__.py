"""A demonstration: a real region's sites, synthetic orders in three dialects."""
