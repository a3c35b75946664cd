"""Operations that REST routes and pages share: queueing and steering calculations, rankings."""
