import { Module } from '@nestjs/common';
import { MessagesController } from './messages.controller.js';
import { MessagesService } from './messages.service.js';
import { ReleaseWishesController } from './release-wishes.controller.js';
import { ReleaseWishesService } from './release-wishes.service.js';
import { SubmissionViews } from './submission-views.service.js';
import { SubmissionsService } from './submissions.service.js';

@Module({
  controllers: [MessagesController, ReleaseWishesController],
  providers: [SubmissionsService, MessagesService, ReleaseWishesService, SubmissionViews],
  exports: [SubmissionsService],
})
export class SubmissionsModule {}
