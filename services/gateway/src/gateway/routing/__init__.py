"""Routes to services, streamed both ways; who asks is established here and nowhere else."""
